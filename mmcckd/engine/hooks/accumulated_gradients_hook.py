import logging
from typing import Dict, List, Optional

from mmengine.dist import gather_object
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS
from torch import Tensor, nn

KEY = 'accumulated_gradients'


@HOOKS.register_module()
class AccumulatedGradientsHook(Hook):
    """Save the gradients of an accumulation that a checkpoint falls within.

    With ``accumulative_counts`` in the ``optim_wrapper`` the weights are
    updated once in several iterations. MMEngine's checkpoints lack the
    gradients that wait for the update, so a run that is resumed within an
    accumulation updates from a part of them. With this hook they are in the
    checkpoint, in ``accumulated_gradients``, and are restored on resume: the
    resumed run goes on as the undisturbed one, to the last bit.

    Between updates each rank has gradients of its own. At the end of an epoch
    those of all ranks are collected, and the checkpoint is larger by as many
    times the student's weights. Checkpoints of several ranks that are written
    within an epoch (``CheckpointHook(by_epoch=False)``) lack the gradients; a
    warning says so, as it does where saved ones do not fit the resumed run.

    It does nothing without accumulation, where a checkpoint is written without
    the optimizer, or with several optimizers (``OptimWrapperDict``).
    """

    priority = 'LOW'  # before the CheckpointHook

    def __init__(self) -> None:
        # Of all ranks, on rank 0, at the end of an epoch.
        self._gathered: Optional[List[Dict[str, Tensor]]] = None
        self._are_restored = False

    def before_train(self, runner) -> None:
        if self._are_restored:
            print_log(
                'The checkpoint was saved within a gradient accumulation. Its '
                'gradients are restored: none is lost, whatever the warning '
                'of `_accumulative_counts` says.',
                logger='current')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        self._gathered = None

    def after_train_epoch(self, runner) -> None:
        # Every rank is here; only rank 0 is where a checkpoint is written.
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
                  'and within an epoch, so it lacks the gradients of the '
                  f'{runner.world_size} ranks, and a run that is resumed from '
                  'it will differ from this one. Save at the end of epochs, '
                  'or at multiples of accumulative_counts='
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
                  f'has {has}. The accumulated gradients are left out, so it '
                  'will differ from the undisturbed run.')
            return
        gradients = saved['of_ranks'][runner.rank]
        for name, parameter in _model(runner).named_parameters():
            if name in gradients:
                parameter.grad = gradients[name].to(parameter.device)
        self._are_restored = True


def _is_accumulating(runner) -> bool:
    """Whether gradients wait for the weights to be updated."""
    optim_wrapper = runner.optim_wrapper
    return isinstance(optim_wrapper,
                      OptimWrapper) and not optim_wrapper.should_update()


def _gradients(runner) -> Dict[str, Tensor]:
    return {
        name: parameter.grad.cpu()
        for name, parameter in _model(runner).named_parameters()
        if parameter.grad is not None
    }


def _model(runner) -> nn.Module:
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
