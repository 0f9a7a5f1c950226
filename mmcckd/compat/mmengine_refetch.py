"""Warn when MMEngine replaces a sample with a random one.

If a pipeline returns None, as ``LoadImageFromFile`` with ``ignore_empty=True``
does for an image that cannot be read, MMEngine's ``BaseDataset`` silently uses
another sample, drawn at random.

Can be deleted when MMEngine warns about it.
"""
import functools
import logging

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log


def warn_of_replaced_samples() -> None:
    """Make ``BaseDataset`` warn once per process if it replaces a sample."""
    draw = BaseDataset._rand_another
    if hasattr(draw, '__wrapped__'):
        return

    @functools.wraps(draw)
    def draw_and_warn(self) -> int:
        if not self.__dict__.get('_has_warned'):
            self._has_warned = True
            print_log(
                f'The pipeline of {type(self).__name__} returned None for a '
                'sample. MMEngine replaces this and any further such sample '
                'with another one, drawn at random. If the reason is '
                'LoadImageFromFile with ignore_empty=True, remove '
                'ignore_empty to get an error that names the image.',
                logger='current',
                level=logging.WARNING)
        return draw(self)

    BaseDataset._rand_another = draw_and_warn
