from typing import Iterator, Optional, Tuple

import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..unwrapped_model import unwrapped

STATISTICS = ('running_mean', 'running_var')  # of normalization layers


@HOOKS.register_module()
class FiniteWeightsHook(Hook):
    """Stop if a weight is NaN or Inf, and do not save such weights.

    A training that diverges would otherwise go on to its end, with a network
    that answers each image in the same way, and overwrite the checkpoints
    that were good. The weights that are trained and the running statistics
    are checked before the training, after each epoch, before each validation
    and before each checkpoint is saved, at the end, and before a test.

    The command lines in ``tools/`` register the hook for every config. For
    other runners, use ``custom_hooks=[dict(type='FiniteWeightsHook')]``.

    Raises:
        ValueError: If a weight or a running statistic contains NaN or Inf. In
            a distributed run, all ranks raise, except if this is found before
            saving, which only one rank does.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        """Check the weights that were loaded or initialized."""
        self._check(runner, 'before the training')

    def after_train_epoch(self, runner) -> None:
        """Check the weights before they are saved or validated."""
        self._check(runner, f'after iteration {runner.iter}')

    def before_val(self, runner) -> None:
        """Check the weights before they are validated."""
        self._check(runner, f'after iteration {runner.iter}')

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Check the weights before they are saved."""
        # A loop that counts iterations saves before it has counted the last.
        iteration = checkpoint.get('meta', {}).get('iter', runner.iter)
        _raise(_first(runner.model), f'after iteration {iteration}')

    def after_train(self, runner) -> None:
        """Check the weights at the end of the training."""
        self._check(runner, f'after iteration {runner.iter}')

    def before_test(self, runner) -> None:
        """Check the weights of a test."""
        self._check(runner, 'before the test')

    def _check(self, runner, when: str) -> None:
        name = _first(runner.model)
        device = next(
            (value.device for _, value in _checked(runner.model)), 'cpu')
        somewhere = torch.tensor(int(name is not None), device=device)
        dist.all_reduce(somewhere, 'max')
        if name is None and somewhere:
            name = 'A weight of another rank'
        _raise(name, when)


def _checked(model: nn.Module) -> Iterator[Tuple[str, Tensor]]:
    model = unwrapped(model)
    for name, weight in model.named_parameters():
        # Others may be masks of -inf. Lazy ones have no values yet.
        if weight.requires_grad and not is_lazy(weight):
            yield name, weight
    for name, buffer in model.named_buffers():
        if name.endswith(STATISTICS):
            yield name, buffer


def _first(model: nn.Module) -> Optional[str]:
    """The name of the first tensor with NaN or Inf."""
    names, finite = [], []
    for name, value in _checked(model):
        names.append(name)
        finite.append(value.detach().isfinite().all())
    if not finite:
        return None
    finite = torch.stack(finite)  # waits for a GPU only once
    return None if finite.all() else names[int(finite.int().argmin())]


def _raise(name: Optional[str], when: str) -> None:
    if name is None:
        return
    if when.startswith('before'):
        raise ValueError(
            f'{name} contains NaN or Inf {when}. The weights that were loaded '
            'are those of a training that diverged, or the file is damaged; '
            'use another checkpoint.')
    raise ValueError(
        f'{name} contains NaN or Inf {when}: the training diverged. Lower the '
        'learning rate or the weights of the losses, or clip the gradients '
        '(optim_wrapper.clip_grad). Such weights are not saved; to continue, '
        'resume from the last checkpoint with other settings.')
