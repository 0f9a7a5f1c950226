from typing import Dict, Optional

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmcckd.models.distillers.gradient_ratio import GradientRatioMeter

from ..cc_losses import cc_losses
from ..gradient_ratios import read_ratios, start_meters

KEY = 'gradient_ratio'


@HOOKS.register_module()
class GradientRatioHook(Hook):
    """Record how strong the CC loss is beside the other losses.

    Every ``interval`` iterations, for each ``CorrelationCongruenceLoss`` of
    the distiller, the hook measures the ratio of two gradients,

        r = ‖∂ (β L_CC) / ∂f‖ / ‖∂ (all other terms) / ∂f‖,

    at the feature f of the student that the loss compares, before its
    connectors. Unlike β, the ratio does not depend on the kernel or on the
    scale of the features; see ``docs/beta.md``. The norms are those of the
    gradients for all features of the batch, on several ranks of the global
    batch. Training is not changed.

    The ratio is a scalar ``train/gradient_ratio/{loss}`` of the message hub,
    so the log and the visualizer show it as ``gradient_ratio/{loss}``, as the
    mean over the last measurements in the ``window_size`` of the log
    processor. :func:`gradient_ratios` returns all measurements.

    The ratio is infinite if the other terms have no gradient for f. Nothing is
    recorded for an iteration in which the gradients overflow, as happens with
    a loss scale, or all of them are 0; and after a ``StopDistillHook`` has
    stopped the distillation.

    Enable it with ``custom_hooks=[dict(type='GradientRatioHook')]``.

    Args:
        interval (int): Number of iterations between two measurements. Defaults
            to 50.

    Raises:
        TypeError: If ``interval`` is not an int.
        ValueError: If ``interval`` is less than 1; or, when training starts,
            if the model has no such loss.
    """

    def __init__(self, interval: int = 50) -> None:
        if isinstance(interval, bool) or not isinstance(interval, int):
            raise TypeError('interval must be an int, a number of iterations, '
                            f'but is {interval!r}.')
        if interval < 1:
            raise ValueError(f'interval must be at least 1, but is {interval};'
                             ' remove the hook to measure nothing.')
        self.interval = interval
        self._meters: Dict[str, GradientRatioMeter] = {}

    def before_train(self, runner) -> None:
        cc_losses(runner.model, type(self).__name__)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        if self.every_n_train_iters(runner, self.interval):
            self._meters = start_meters(runner, type(self).__name__)

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs: Optional[dict] = None) -> None:
        if not self._meters:
            return
        history = gradient_ratios(runner)
        for name, ratio in read_ratios(self._meters).items():
            runner.message_hub.update_scalar(f'train/{KEY}/{name}', ratio)
            history.setdefault(name, []).append([runner.iter + 1, ratio])
        runner.message_hub.update_info(KEY, history)
        self._meters = {}


def gradient_ratios(runner) -> Dict[str, list]:
    """Return what the hook has measured, also before a run was resumed.

    Args:
        runner (Runner): The runner of a training.

    Returns:
        Dict[str, list]: Pairs ``[iteration, r]`` by the name of the loss. The
        first iteration is 1.
    """
    return runner.message_hub.runtime_info.get(KEY, {})
