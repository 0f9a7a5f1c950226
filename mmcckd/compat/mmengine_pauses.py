"""Train without a pause of two seconds after each pass through the data.

In loops that count iterations, MMEngine's iterator sleeps for two seconds
before it restarts a data loader, against deadlocks of worker processes. It
also warns each time that ``InfiniteSampler`` should be used, but repeatable
views need passes. A loader without workers can do without both: for a small
data set, the pauses took three quarters of the time of the training.

Can be deleted when MMEngine pauses only if there are workers.
"""
import functools
from types import SimpleNamespace
from typing import Any
from unittest import mock

from mmengine.runner import loops


def restart_loaders_at_once() -> None:
    """Make the iterator restart a loader without workers at once."""
    iterator = loops._InfiniteDataloaderIterator
    advance = iterator.__next__
    if hasattr(advance, '__wrapped__'):
        return

    @functools.wraps(advance)
    def advance_at_once(self) -> Any:
        if self._dataloader.num_workers:
            return advance(self)
        if self._iterator is not None:  # onedl-mmengine creates it below
            for batch in self._iterator:
                return batch
        with mock.patch.multiple(
                loops,
                time=SimpleNamespace(sleep=lambda seconds: None),
                print_log=lambda *args, **kwargs: None):
            return advance(self)

    iterator.__next__ = advance_at_once
