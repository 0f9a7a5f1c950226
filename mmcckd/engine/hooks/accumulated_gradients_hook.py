import logging
from typing import Dict, List, Optional

from mmengine.dist import gather_object
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS
from torch import Tensor

from ..unwrapped_model import unwrapped

KEY = 'accumulated_gradients'


@HOOKS.register_module()
class AccumulatedGradientsHook(Hook):
    """Save the accumulated gradients in checkpoints.

    With ``accumulative_counts`` in the ``optim_wrapper``, the weights are
    updated once in several iterations. MMEngine's checkpoints do not contain
    the gradients that were accumulated since the last update, so the first
    update of a resumed run may lack a part of them. This hook saves them in
    the checkpoint, as ``accumulated_gradients``, and restores them on resume.
    The resumed run is then bitwise equal to an uninterrupted run.

    Between updates, each rank has different gradients. At the end of an epoch,
    the gradients of all ranks are gathered, and the size of the checkpoint
    increases by the size of the student's weights for each rank. Checkpoints
    that several ranks write within an epoch
    (``CheckpointHook(by_epoch=False)``) do not contain the gradients; a
    warning is logged. A warning is also logged if saved gradients do not fit
    the resumed run.

    The hook does nothing without accumulation, for checkpoints without the
    optimizer, and with several optimizers (``OptimWrapperDict``).
    """

    priority = 'LOW'  # before the CheckpointHook

    def __init__(self) -> None:
        # Gradients of all ranks, on rank 0, at the end of an epoch.
        self._gathered: Optional[List[Dict[str, Tensor]]] = None
        self._are_restored = False

    def before_train(self, runner) -> None:
        if self._are_restored:
            print_log(
                'The checkpoint was saved within a gradient accumulation. Its '
                'gradients are restored; the warning about '
                '`_accumulative_counts` does not apply.',
                logger='current')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        self._gathered = None

    def after_train_epoch(self, runner) -> None:
        # All ranks call this method, but only rank 0 saves checkpoints.
        if runner.world_size > 1 and _is_accumulating(runner):
            self._gathered = gather_object(_gradients(runner))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if not _is_accumulating(runner) or 'optimizer' not in checkpoint:
            return
        gradients = self._gathered
        if runner.world_size == 1:
            gradients = [_gradients(runner)]
        if gradients is None:
            _warn('This checkpoint is saved within a gradient accumulation '
                  'and within an epoch, so it does not contain the gradients '
                  f'of the {runner.world_size} ranks, and a run that is '
                  'resumed from it will differ from this run. Save '
                  'checkpoints at the end of epochs, or at multiples of '
                  'accumulative_counts='
                  f'{runner.optim_wrapper._accumulative_counts} iterations.')
            return
        checkpoint[KEY] = dict(
            accumulative_counts=runner.optim_wrapper._accumulative_counts,
            of_ranks=gradients)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        saved = checkpoint.get(KEY)
        if saved is None or not runner._resume:
            return
        had = saved['accumulative_counts'], len(saved['of_ranks'])
        has = (getattr(runner.optim_wrapper, '_accumulative_counts', None),
               runner.world_size)
        if had != has:
            _warn('The checkpoint was saved within a gradient accumulation '
                  f'with (accumulative_counts, ranks) = {had}, but this run '
                  f'has {has}. The accumulated gradients are not restored, so '
                  'this run will differ from an uninterrupted run.')
            return
        gradients = saved['of_ranks'][runner.rank]
        for name, parameter in unwrapped(runner.model).named_parameters():
            if name in gradients:
                parameter.grad = gradients[name].to(parameter.device)
        self._are_restored = True


def _is_accumulating(runner) -> bool:
    """Whether there are gradients that have not been used for an update."""
    optim_wrapper = runner.optim_wrapper
    return isinstance(optim_wrapper,
                      OptimWrapper) and not optim_wrapper.should_update()


def _gradients(runner) -> Dict[str, Tensor]:
    return {
        name: parameter.grad.cpu()
        for name, parameter in unwrapped(runner.model).named_parameters()
        if parameter.grad is not None
    }


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
