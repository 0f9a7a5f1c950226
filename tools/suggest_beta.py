"""Suggest the weight β of the CC loss of a recipe.

Trains for some hundred iterations, and measures the ratio r of two gradients
at the student's feature: that of β L_CC, and that of all other terms of the
objective. Prints r as it goes, and the β with which its median is R.

    python tools/suggest_beta.py CONFIG --ratio R

CONFIG, --mix-cc, --frozen-teacher and --teacher-store are those of the
training. Nothing is saved, except in a teacher store. See docs/beta.md.
"""
import argparse
import math
import sys
from statistics import median
from typing import Dict, List

from mmengine.config import Config
from mmengine.dist import is_main_process

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.arguments import (
    add_config_arguments,
    add_loader_arguments,
    add_mixing_arguments,
)
from mmcckd.config_files.component_types import bare_type
from mmcckd.datasets.imagenet_layout import check_imagenet_layout
from mmcckd.datasets.loaders import check_loader
from mmcckd.engine import init_distributed, load_config
from mmcckd.engine.host_defaults import fill_in_loaders
from mmcckd.engine.ratio_measurement import measure_ratios
from mmcckd.lost_ranks import explain_lost_rank
from mmcckd.recipes.mixing import LOSS
from mmcckd.recipes.mixing_arguments import mix

# The training follows β, and r follows the training. A measurement at the
# suggested β gives a better one; see docs/beta.md.
ROUNDS = 3
TOLERANCE = 1.1  # factor by which the median may differ from R
LARGEST = 1e4  # r of a β to start with, unless R is larger
SMALL = 1e-6  # instead of β = 0, at which r is 0: the training is the same


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    parser.add_argument(
        '--ratio',
        type=float,
        default=0.1,
        metavar='R',
        help='the ratio of gradients to reach; defaults to 0.1')
    parser.add_argument(
        '--iterations',
        type=int,
        default=400,
        metavar='N',
        help='number of iterations of a measurement, the second half of '
        'which counts; defaults to 400. It is doubled while r still changes, '
        'up to 8 times N')
    add_loader_arguments(parser)
    add_mixing_arguments(parser)
    args = parser.parse_args()
    if args.work_dir is not None:
        parser.error('--work-dir has no effect, since nothing is saved; '
                     'remove it.')
    if not 0 < args.ratio < math.inf:
        parser.error('--ratio must be a positive number, but is '
                     f'{args.ratio:g}; with β = 0 there is no CC.')
    if args.iterations < 1:
        parser.error(f'--iterations must be at least 1, but is '
                     f'{args.iterations}.')
    return args


def main() -> None:
    args = parse_args()
    cfg = mix(load_config(args), args)
    losses = cc_losses(cfg, args.config)
    fill_in_loaders(cfg, args)
    check_loader(cfg, 'train_dataloader')
    check_imagenet_layout(cfg.train_dataloader.dataset)
    init_distributed(args.launcher, cfg)
    for name, loss in losses.items():
        if loss.get('loss_weight', 1.) == 0:
            show(f'{name} has loss_weight=0. It is set to {SMALL:g} instead, '
                 'since r is proportional to it.')
            loss.loss_weight = SMALL
    for _ in range(ROUNDS):
        weights = {
            name: loss.get('loss_weight', 1.)
            for name, loss in losses.items()
        }
        show(*(f'{name}: β = {weight:.3g}'
               for name, weight in weights.items()))
        measured = measure_ratios(cfg, args.iterations,
                                  Report(weights, args.ratio))
        found = medians(measured.ratios, weights)
        for name, loss in losses.items():
            loss.loss_weight = weights[name] * args.ratio / found[name]
            show(f'{name}: median r = {found[name]:.3g} at '
                 f'β = {weights[name]:.3g} in the second half of '
                 f'{measured.iterations} iterations; r = {args.ratio:g} needs '
                 f'β = {loss.loss_weight:.2g}')
        if all(1 / TOLERANCE < r / args.ratio < TOLERANCE
               for r in found.values()):
            break
    else:
        show(f'The median did not reach R in {ROUNDS} measurements. The last '
             'suggestion is an estimate.')
    show('', 'Suggested:')
    for name, loss in losses.items():
        option = (
            '--mix-cc loss_weight' if args.mix_cc is not None and name == LOSS
            else f'model.distiller.distill_losses.{name}.loss_weight')
        show(f'{option}={loss.loss_weight:.2g}')
    if not measured.settled:
        raise RuntimeError(
            f'The ratio still changes after {measured.iterations} iterations, '
            'so the suggestion does not hold for the rest of the training. '
            'Measure a longer part of it with --iterations N.')


def cc_losses(cfg: Config, config: str) -> Dict[str, dict]:
    """Return the configs of the CC losses that a recipe uses, by name."""
    distiller = (cfg.get('model') or {}).get('distiller') or {}
    mappings = distiller.get('loss_forward_mappings') or {}
    losses = {
        name: loss
        for name, loss in (distiller.get('distill_losses') or {}).items()
        if name in mappings and bare_type(loss) == 'CorrelationCongruenceLoss'
    }
    if not losses:
        raise ValueError(
            f'{config} has no CorrelationCongruenceLoss, so there is no β to '
            'suggest. Add one to a recipe for distillation with --mix-cc.')
    return losses


class Report:
    """Print the ratios after 1, 2, 5, 10, 20, 50 … iterations.

    Raises:
        ValueError: If the ratio of the first iteration is so large that the
            training would diverge, or follow only the CC loss.
    """

    def __init__(self, weights: Dict[str, float], ratio: float) -> None:
        self.weights = weights
        self.ratio = ratio

    def __call__(self, iteration: int, ratios: Dict[str, float]) -> None:
        if str(iteration).rstrip('0') in ('1', '2', '5'):
            values = ', '.join(
                f'{name} {ratio:.3g}' for name, ratio in ratios.items())
            show(f'  iteration {iteration:>5}: r = '
                 f'{values or "not measured"}')
        for name, ratio in ratios.items():
            if iteration == 1 and ratio > LARGEST * max(1, self.ratio):
                weight = self.weights[name]
                raise ValueError(
                    f'{name} had r = {ratio:.3g} at β = {weight:.3g} in the '
                    'first iteration, so the other terms have no effect, or '
                    'there are none. Set loss_weight='
                    f'{weight * self.ratio / ratio or SMALL:.2g} instead, '
                    'and start again.')


def medians(ratios: Dict[str, List[float]],
            weights: Dict[str, float]) -> Dict[str, float]:
    """Return the median of the second half for each loss.

    Raises:
        ValueError: If a loss has no ratio, or it is 0 or infinite.
    """
    found = {}
    for name, weight in weights.items():
        history = ratios.get(name)
        if not history:
            raise ValueError(
                f'No ratio was measured for {name}: it has no gradient for '
                'the feature of the student, or the gradients are not finite '
                'in any iteration.')
        found[name] = median(history[len(history) // 2:])
        if not found[name] * weight:
            raise ValueError(
                f'No β reaches the ratio: the gradient of {name} is 0 for the '
                'feature of the student. The correlations of student and '
                'teacher are equal, or do not depend on the feature.')
        if math.isinf(found[name]):
            raise ValueError(
                f'The median r of {name} is infinite: the other terms have no '
                'gradient for the feature of the student, or one below the '
                'rounding error. Lower the loss_weight.')
    return found


def show(*lines: str) -> None:
    if is_main_process():
        print(*lines, sep='\n', flush=True)


if __name__ == '__main__':
    try:
        main()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        message = f'suggest_beta: {type(error).__name__}: {error}'
        sys.exit(f'{message}\n{explain_lost_rank(error)}'.rstrip())
    except KeyboardInterrupt:
        sys.exit('suggest_beta: interrupted')
