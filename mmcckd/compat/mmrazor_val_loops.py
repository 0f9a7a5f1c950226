"""Let MMRazor's validation loops show hooks one epoch, and return metrics.

``SingleTeacherDistillValLoop`` and ``SlimmableValLoop`` call the hooks'
``before_val_epoch`` for each network that they evaluate, and
``after_val_epoch`` once. An ``EMAHook`` swaps the averaged weights in at the
former and out at the latter: after a validation of two networks the weights
that are trained on, and saved, are the averaged ones. These two, and
``SelfDistillValLoop`` and ``SubnetValLoop``, return nothing, where MMEngine's
loops return the metrics.

Can be deleted when MMRazor's loops call each once and return the metrics.
"""
import functools
from typing import Callable, Dict
from unittest import mock


def run_val_loops_as_one_epoch() -> None:
    """Wrap their ``run``, once a process."""
    from mmrazor.engine import runner  # once MMRazor can be imported
    for name in ('SingleTeacherDistillValLoop', 'SlimmableValLoop',
                 'SelfDistillValLoop', 'SubnetValLoop'):
        loop = getattr(runner, name)
        if not hasattr(loop.run, '__wrapped__'):
            loop.run = _with_one_epoch(loop.run)


def _with_one_epoch(run: Callable) -> Callable:

    @functools.wraps(run)
    def run_with_one_epoch(self) -> Dict[str, float]:
        call_hook = self.runner.call_hook
        metrics, begun = {}, False

        def call_hook_once(name: str, **kwargs) -> None:
            nonlocal metrics, begun
            if name == 'before_val_epoch' and begun:
                return
            begun = begun or name == 'before_val_epoch'
            metrics = kwargs.get('metrics', metrics)
            call_hook(name, **kwargs)

        with mock.patch.object(self.runner, 'call_hook', call_hook_once):
            run(self)
        return metrics

    return run_with_one_epoch
