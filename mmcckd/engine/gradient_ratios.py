"""The gradient ratios of the CC losses in an iteration, over all ranks."""
import math
from typing import Dict

import torch
from mmengine.dist import all_reduce

from mmcckd.models.distillers.gradient_ratio import GradientRatioMeter

from .cc_losses import cc_losses, distiller_of


def start_meters(runner, caller: str) -> Dict[str, GradientRatioMeter]:
    """Start to measure, before the forward pass of an iteration.

    Args:
        runner (Runner): The runner of a training.
        caller (str): Name of the hook that measures, for error messages.

    Returns:
        Dict[str, GradientRatioMeter]: A meter for each CC loss, by its name.

    Raises:
        ValueError: If the model has no distiller, or no CC loss.
    """
    scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
    loss_scale = 1. if scaler is None else scaler.get_scale()
    distiller = distiller_of(runner.model, caller)
    return {
        name: GradientRatioMeter(distiller, name, loss_scale)
        for name in cc_losses(runner.model, caller)
    }


def read_ratios(meters: Dict[str, GradientRatioMeter]) -> Dict[str, float]:
    """Return the ratios of an iteration, after its backward pass.

    All ranks must call this function, since the norms are those of the global
    batch.

    Args:
        meters (Dict[str, GradientRatioMeter]): See :func:`start_meters`.

    Returns:
        Dict[str, float]: The ratios by the name of the loss, without those
        that were not measured. If the other terms have no gradient, or one
        below the rounding error, the ratio is infinite.
    """
    # In one call, also if nothing was measured on this rank.
    norms = torch.tensor(
        [meter.squared_norms() or (0., 0.) for meter in meters.values()],
        dtype=torch.float64)
    all_reduce(norms)
    return {
        name: loss / other if other else math.inf
        for name, (loss, other) in zip(meters, norms.sqrt().tolist())
        if math.isfinite(loss + other) and loss + other > 0
    }
