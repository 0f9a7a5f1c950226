from typing import Optional

from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop

MIN_LENGTH = 10_000
MMENGINE_LENGTH = HistoryBuffer().max_length


@HOOKS.register_module()
class LogHistoryHook(Hook):
    """Keep only the latest logged values in memory and in checkpoints.

    MMEngine keeps the last 1,000,000 values of each loss, learning rate and
    time in its message hub. It copies them in each iteration, and saves most
    of them in each checkpoint, so that in a long run the memory and the
    checkpoints grow, and the iterations become slower. The log shows means
    over a few iterations or an epoch.

    The hook keeps the last 10,000 values, or more if the windows of the log
    processor are longer. It keeps all of them if the log processor has
    statistics over the complete run (``window_size='global'``, or none). To
    keep all values of one history, set its ``max_length`` to another number
    than 1,000,000. What is written to log files does not change.
    """

    # None, to keep all, also in loops that do not call before_train.
    _length: Optional[int] = None

    def before_train(self, runner) -> None:
        self._length = _longest_window(runner)

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs: Optional[dict] = None) -> None:
        if self._length is None:
            return
        for history in runner.message_hub.log_scalars.values():
            if history.max_length == MMENGINE_LENGTH:
                history.max_length = self._length


def _longest_window(runner) -> Optional[int]:
    """Return how many values the log needs, or None if it needs all."""
    log_processor = runner.log_processor
    windows = [
        config.get('window_size') for config in log_processor.custom_cfg
    ]
    if any(window in (None, 'global') for window in windows):
        return None
    windows = [window for window in windows if window != 'epoch']
    # Times are averaged over an epoch.
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        windows.append(len(runner.train_loop.dataloader))
    if runner.val_loop is not None:
        windows.append(len(runner.val_loop.dataloader))
    return max(MIN_LENGTH, log_processor.window_size, *windows)
