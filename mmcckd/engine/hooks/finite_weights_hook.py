from typing import Iterator, Optional, Tuple

import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..unwrapped_model import unwrapped

STATISTICS = ('running_mean', 'running_var')  # of normalization layers
LOADED = (
    '{name} contains NaN or Inf {when}. The weights that were loaded are '
    'those of a training that diverged, or the file is damaged; use another '
    'checkpoint.')
DIVERGED = (
    '{name} contains NaN or Inf after iteration {when}: the training '
    'diverged. Lower the learning rate or the weights of the losses, or clip '
    'the gradients (optim_wrapper.clip_grad). Such weights are not saved; to '
    'continue, resume from the last checkpoint with other settings.')


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
        _check(runner, LOADED, 'before the training')

    def after_train_epoch(self, runner) -> None:
        """Check the weights before they are saved or validated."""
        _check(runner, DIVERGED, runner.iter)

    def before_val(self, runner) -> None:
        """Check the weights before they are validated."""
        _check(runner, DIVERGED, runner.iter)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Check the weights before they are saved."""
        # A loop that counts iterations saves before it has counted the last.
        iteration = checkpoint.get('meta', {}).get('iter', runner.iter)
        name = first_not_finite(runner.model)
        if name is not None:
            raise ValueError(DIVERGED.format(name=name, when=iteration))

    def after_train(self, runner) -> None:
        """Check the weights at the end of the training."""
        _check(runner, DIVERGED, runner.iter)

    def before_test(self, runner) -> None:
        """Check the weights of a test."""
        _check(runner, LOADED, 'before the test')


def first_not_finite(model: nn.Module) -> Optional[str]:
    """Return the name of the first weight with NaN or Inf.

    Args:
        model (nn.Module): A model, or its wrapper such as DDP.

    Returns:
        str, optional: The name of a parameter that is trained, or of a
        running statistic; None if all are finite.
    """
    names, finite = [], []
    for name, value in _checked(model):
        names.append(name)
        finite.append(value.detach().isfinite().all())
    if not finite:
        return None
    # Waits for a GPU only once, also if parts are on other devices.
    finite = torch.stack([flag.to(finite[0].device) for flag in finite])
    return None if finite.all() else names[int(finite.int().argmin())]


def _check(runner, message: str, when) -> None:
    """Raise on all ranks if a weight of any rank is not finite."""
    name = first_not_finite(runner.model)
    device = next((value.device for _, value in _checked(runner.model)), 'cpu')
    somewhere = torch.tensor(int(name is not None), device=device)
    dist.all_reduce(somewhere, 'max')
    if somewhere:
        raise ValueError(
            message.format(name=name or 'A weight of another rank', when=when))


def _checked(model: nn.Module) -> Iterator[Tuple[str, Tensor]]:
    model = unwrapped(model)
    for name, weight in model.named_parameters():
        # Others may be masks of -inf. Lazy ones have no values yet.
        if weight.requires_grad and not is_lazy(weight):
            yield name, weight
    for name, buffer in model.named_buffers():
        if name.endswith(STATISTICS):
            yield name, buffer
