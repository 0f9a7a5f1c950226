from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import IterBasedTrainLoop

from ..skipped_batches import is_mmengine_loop

KEY = 'is_validated'


@HOOKS.register_module()
class ResumedValidationHook(Hook):
    """Validate a resumed run first if its validation may have been missed.

    MMEngine saves a checkpoint, validates it, and resumes with the next epoch.
    If a run ends during the validation, the validation is missing from the
    resumed run: the log has no accuracy, also not that of the last epoch,
    ``save_best`` may keep a worse checkpoint, and a learning rate that depends
    on the accuracy differs. With this hook, the validation that follows the
    checkpoint is run before the training continues, unless the checkpoint was
    saved after it, as ``save_best`` does.

    The command lines in ``tools/`` register the hook for every config. For
    other runners, use ``custom_hooks=[dict(type='ResumedValidationHook')]``.
    """

    priority = 'LOWEST'  # the other hooks are ready for the training

    def __init__(self) -> None:
        self._is_validating = False
        self._may_be_missed = False

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        self._may_be_missed = runner._resume and not checkpoint.get(KEY)

    def before_train(self, runner) -> None:
        if self._may_be_missed and _is_due(runner):
            runner.val_loop.run()
            runner.model.train()

    def before_val(self, runner) -> None:
        self._is_validating = True

    def after_val(self, runner) -> None:
        self._is_validating = False

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if self._is_validating:
            checkpoint[KEY] = True
            # FlexibleRunner counts an epoch and an iteration too many here.
            checkpoint['meta'].update(epoch=runner.epoch, iter=runner.iter)


def _is_due(runner) -> bool:
    """Whether the training loop would validate now."""
    loop = runner.train_loop
    if (runner.val_loop is None or loop.iter == 0
            or not is_mmengine_loop(loop)):
        return False
    loop._decide_current_val_interval()
    if isinstance(loop, IterBasedTrainLoop):
        now, last = loop.iter, loop.max_iters
    elif loop.iter == loop.epoch * len(loop.dataloader):
        now, last = loop.epoch, loop.max_epochs
    else:  # saved within an epoch
        return False
    return now >= loop.val_begin and (now % loop.val_interval == 0
                                      or now == last)
