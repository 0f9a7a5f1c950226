"""Find the correlation congruence losses of a model."""
from typing import Dict

from mmrazor.models.distillers import ConfigurableDistiller
from torch import nn

from mmcckd.models.losses import CorrelationCongruenceLoss

from .unwrapped_model import unwrapped


def distiller_of(model: nn.Module, caller: str) -> ConfigurableDistiller:
    """Return the distiller of a model.

    Args:
        model (nn.Module): The model of a run, wrapped or not.
        caller (str): Name of the hook that needs it, for the error message.

    Returns:
        ConfigurableDistiller: The distiller.

    Raises:
        ValueError: If the model has none.
    """
    model = unwrapped(model)
    distiller = getattr(model, 'distiller', None)
    if not isinstance(distiller, ConfigurableDistiller):
        raise ValueError(
            f'{caller} needs a model with a ConfigurableDistiller, but the '
            f'model, a {type(model).__name__}, has none; use a model such as '
            'FrozenTeacherDistill, or remove the hook from custom_hooks.')
    return distiller


def cc_losses(model: nn.Module,
              caller: str) -> Dict[str, CorrelationCongruenceLoss]:
    """Return the CC losses of a model that have a forward mapping.

    Args:
        model (nn.Module): The model of a run, wrapped or not.
        caller (str): Name of the hook that needs them, for the error message.

    Returns:
        Dict[str, CorrelationCongruenceLoss]: The losses by name, at least one.

    Raises:
        ValueError: If the model has no distiller, or no such loss.
    """
    distiller = distiller_of(model, caller)
    found = {
        name: distiller.distill_losses[name]
        for name in distiller.loss_forward_mappings
    }
    losses = {
        name: loss
        for name, loss in found.items()
        if isinstance(loss, CorrelationCongruenceLoss)
    }
    if not losses:
        names = ', '.join(f'{name} ({type(loss).__name__})'
                          for name, loss in found.items())
        raise ValueError(
            f'{caller} needs a CorrelationCongruenceLoss, but '
            f'loss_forward_mappings has none, only: {names or "nothing"}. Add '
            'one (see configs/_base_/distillers/cckd.py, or use --mix-cc), or '
            'remove the hook from custom_hooks.')
    return losses
