"""Say that MMEngine puts a random sample in the place of another.

Where a pipeline gives None, as that of ``LoadImageFromFile`` with
``ignore_empty=True`` does for an image that cannot be read, MMEngine's
``BaseDataset`` takes another sample at random, without a word.

Can be deleted when MMEngine says so.
"""
import functools
import logging

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log


def warn_of_replaced_samples() -> None:
    """Have ``BaseDataset`` warn, once a process, when it replaces a sample."""
    draw = BaseDataset._rand_another
    if hasattr(draw, '__wrapped__'):
        return

    @functools.wraps(draw)
    def draw_and_warn(self) -> int:
        if not self.__dict__.get('_has_warned'):
            self._has_warned = True
            print_log(
                f'The pipeline of {type(self).__name__} gave nothing for a '
                'sample, so another, drawn at random, takes its place, and '
                'that of each further one. LoadImageFromFile does so with '
                'ignore_empty=True: leave that out to be told which image '
                'cannot be read.',
                logger='current',
                level=logging.WARNING)
        return draw(self)

    BaseDataset._rand_another = draw_and_warn
