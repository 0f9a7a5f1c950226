"""Measure gradient ratios in the first iterations of a training."""
import copy
import tempfile
from contextlib import suppress
from statistics import median
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence
from uuid import uuid4

from mmengine.config import Config
from mmengine.hooks import Hook

from mmcckd.config_files.component_types import bare_type

from .hooks import GradientRatioHook, gradient_ratios
from .hooks.finite_weights_hook import first_not_finite
from .runner import build_runner

NOT_NEEDED = ('CorrelationVisualizationHook', 'GradientRatioHook')
# A measurement is at most this many times as long as asked for.
LONGEST = 8
# Factor between the medians of two quarters up to which a ratio has settled.
CHANGE = 1.5


class Measurement(NamedTuple):
    """The gradient ratios of the first iterations of a training.

    Attributes:
        ratios (Dict[str, List[float]]): The ratios of the iterations in which
            they were measured (:class:`.GradientRatioHook`), by the name of
            the loss.
        iterations (int): Number of iterations.
        settled (bool): Whether all ratios have settled, or the complete
            training was measured.
    """
    ratios: Dict[str, List[float]]
    iterations: int
    settled: bool


def measure_ratios(cfg: Config, iterations: int,
                   report: Callable[[int, Dict[str, float]], None]
                   ) -> Measurement:
    """Run the first iterations of a recipe, and measure in each of them.

    They are those of the complete training, with its schedules. There is no
    validation, and no checkpoint is saved. Logs are written to a temporary
    folder. While a ratio still changes at the end (:func:`has_settled`), the
    number of iterations is doubled, up to 8 times what was asked for, or the
    complete training.

    Args:
        cfg (Config): The recipe. It is not changed.
        iterations (int): Number of iterations, at least.
        report (Callable): Called after each iteration, with its number,
            starting at 1, and the ratios measured so far in this iteration by
            the name of the loss.

    Returns:
        Measurement: The ratios.

    Raises:
        ValueError: If a weight of the student becomes NaN or Inf, the training
            has fewer iterations, or the recipe has no CC loss.
    """
    with tempfile.TemporaryDirectory() as folder:
        runner = build_runner(_without_results(cfg, folder))
        runner.register_hook(GradientRatioHook(interval=1))
        stop = _StopHook(iterations, report)
        runner.register_hook(stop, 'VERY_LOW')
        with suppress(_Enough):
            runner.train()
        ratios = _ratios_of(runner)
        return Measurement(
            ratios, stop.iterations,
            stop.iterations == runner.max_iters
            or all(map(has_settled, ratios.values())))


def has_settled(ratios: Sequence[float]) -> bool:
    """Whether the last two quarters of a series have similar medians.

    Args:
        ratios (Sequence[float]): The series, numbers ≥ 0.

    Returns:
        bool: Whether the medians differ by a factor of 1.5 at most. It is
        also True if one of them is 0 or infinite: no β leads to another.
        False for a single number.
    """
    if len(ratios) < 2:
        return False
    quarter = max(1, len(ratios) // 4)
    last, before = (median(ratios[-quarter:]),
                    median(ratios[-2 * quarter:-quarter]))
    if not 0 < last < float('inf') or not 0 < before < float('inf'):
        return True
    return 1 / CHANGE <= last / before <= CHANGE


def _ratios_of(runner) -> Dict[str, List[float]]:
    return {
        name: [ratio for _, ratio in history]
        for name, history in gradient_ratios(runner).items()
    }


def _without_results(cfg: Config, folder: str) -> Config:
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = folder
    cfg.experiment_name = f'ratios_{uuid4().hex}'
    cfg.log_level = 'ERROR'
    cfg.resume = False
    for part in ('cfg', 'dataloader', 'evaluator'):
        cfg[f'val_{part}'] = cfg[f'test_{part}'] = None
    cfg.visualizer = None  # no backends other than files in the folder
    cfg.default_hooks = {
        **(cfg.get('default_hooks') or {}), 'checkpoint': None
    }
    cfg.default_hooks.pop('visualization', None)  # of validation
    cfg.custom_hooks = [
        hook for hook in cfg.get('custom_hooks') or ()
        if not isinstance(hook, dict) or bare_type(hook) not in NOT_NEEDED
    ]
    return cfg


class _Enough(Exception):
    """Ends a training whose schedules are those of more iterations."""


class _StopHook(Hook):

    def __init__(self, iterations: int, report: Callable) -> None:
        self.iterations = iterations
        self.longest = LONGEST * iterations
        self.report = report

    def before_train(self, runner) -> None:
        if runner.max_iters < self.iterations:
            raise ValueError(
                f'The training of this recipe has {runner.max_iters} '
                f'iterations, fewer than the {self.iterations} that are '
                f'asked for. Use --iterations {runner.max_iters} at most, or '
                'train for longer.')

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs: Optional[dict] = None) -> None:
        iteration = runner.iter + 1
        self.report(
            iteration, {
                name: history[-1][1]
                for name, history in gradient_ratios(runner).items()
                if history[-1][0] == iteration
            })
        name = first_not_finite(runner.model)
        if name is not None:
            raise ValueError(
                f'The training diverged: after iteration {iteration}, {name} '
                'contains NaN or Inf. Lower the loss_weight of the CC loss, '
                'or the learning rate.')
        if iteration < self.iterations:
            return
        longest = min(self.longest, runner.max_iters)
        if iteration == longest or all(
                map(has_settled, _ratios_of(runner).values())):
            raise _Enough
        self.iterations = min(2 * iteration, longest)
