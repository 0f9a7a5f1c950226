"""Continue a training loop within an epoch."""
from typing import Any, Callable, Union

from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

TrainLoop = Union[EpochBasedTrainLoop, IterBasedTrainLoop]


def is_mmengine_loop(loop: Any) -> bool:
    """Whether a loop goes through its data as MMEngine's own loops do."""
    return (getattr(type(loop), 'run_epoch',
                    None) is EpochBasedTrainLoop.run_epoch
            or getattr(type(loop), 'run', None) is IterBasedTrainLoop.run)


def skip_batches(loop: TrainLoop, when_skipped: Callable[[], None]) -> None:
    """Load the batches of an interrupted epoch again, without training.

    The batches are loaded, so that the samplers and the workers are afterwards
    in the same state as they were in the interrupted run.

    MMEngine's ``EpochBasedTrainLoop`` resumes at the start of an epoch. With
    this function, it skips the batches that its iteration number says were
    used. ``IterBasedTrainLoop`` skips them by itself.

    Args:
        loop (TrainLoop): A loop of a resumed run, which has not started its
            first epoch.
        when_skipped (Callable): Called when the last batch was skipped,
            before the next batch is loaded.
    """
    if isinstance(loop, IterBasedTrainLoop):
        loop.dataloader_iterator = _CountingIterator(
            loop.dataloader_iterator, loop.iter, when_skipped)
        return
    used = loop.iter - loop.epoch * len(loop.dataloader)

    def skip(idx: int, data_batch: Any) -> None:
        if idx == used - 1:
            del loop.run_iter  # that of the class from now on
            when_skipped()

    loop.run_iter = skip


class _CountingIterator:
    """An iterator that calls a function after ``count`` items."""

    def __init__(self, iterator: Any, count: int,
                 function: Callable[[], None]) -> None:
        self._iterator = iterator
        self._count = count
        self._function = function

    def __iter__(self) -> '_CountingIterator':
        return self

    def __next__(self) -> Any:
        if self._count == 0:
            self._function()
        self._count -= 1
        return next(self._iterator)
