"""Make MMRazor's validation loops run one epoch and return the metrics.

``SingleTeacherDistillValLoop`` and ``SlimmableValLoop`` call
``before_val_epoch`` of the hooks for each network that they evaluate, but
``after_val_epoch`` only once. An ``EMAHook`` swaps the averaged weights in at
the former and out at the latter. After a validation of two networks, training
therefore continues with the averaged weights, which are also saved.
In addition, these two loops, ``SelfDistillValLoop`` and ``SubnetValLoop``
return None, while MMEngine's loops return the metrics.

Can be deleted when MMRazor's loops call both once and return the metrics.
"""
import functools
from typing import Callable, Dict
from unittest import mock


def run_val_loops_as_one_epoch() -> None:
    """Wrap the ``run`` method of these loops, once per process."""
    # Imported here, since MMRazor must be made importable first.
    from mmrazor.engine import runner
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
