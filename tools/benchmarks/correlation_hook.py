"""Compare the time of CorrelationVisualizationHook with that of steps.

    python tools/benchmarks/correlation_hook.py

The digits recipe ``configs/cckd/r18w16_r10w6_digits.py`` is trained for some
epochs. The hook draws at every 10th step, for the local and the TensorBoard
backend, and the times of steps with and without a drawing are compared. Then
the hook draws features with the sizes of the ImageNet recipe,
``configs/cckd/r50_mbv2_in1k.py``, for batches of 256. ``train_step.py``
measures the time of a step of this recipe.

The target is less than 1 % of the training time at the hook's default
interval.
"""
import argparse
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from mmpretrain.structures import DataSample
from torch import nn

import mmcckd  # noqa: F401  (first, it makes mmrazor importable)
from mmcckd.engine import CorrelationVisualizationHook

from mmrazor.registry import MODELS  # isort: skip

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/cckd'
BACKENDS = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
EVERY = 10


class Clock(Hook):
    """Record the time from the start of each step to the start of the next."""

    def before_train(self, runner) -> None:
        self.starts = []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.starts.append(time.perf_counter())

    def seconds(self, drawn: bool) -> float:
        """The median over the steps with a drawing, or without."""
        pairs = zip(self.starts, self.starts[1:])
        return statistics.median(
            end - start for i, (start, end) in enumerate(pairs, 1)
            if (i % EVERY == 0) == drawn and i > EVERY)


def time_digits(work_dir: str, epochs: int) -> tuple:
    """Seconds of a step, and seconds that a drawing adds to it."""
    cfg = Config.fromfile(CONFIGS / 'r18w16_r10w6_digits.py')
    cfg.model.teacher_ckpt = None
    cfg.merge_from_dict(
        dict(
            work_dir=work_dir,
            log_level='ERROR',
            train_cfg=dict(max_epochs=epochs, val_interval=epochs + 1),
            default_hooks=dict(checkpoint=dict(interval=epochs + 1))))
    cfg.visualizer.vis_backends = BACKENDS
    cfg.custom_hooks = [
        dict(type='CorrelationVisualizationHook', interval=EVERY)
    ]
    runner = Runner.from_cfg(cfg)
    clock = Clock()
    runner.register_hook(clock)
    runner.train()
    runner.visualizer.close()
    plain = clock.seconds(drawn=False)
    return plain, clock.seconds(drawn=True) - plain


def time_flagship(save_dir: str, batch: int, repetitions: int) -> float:
    """Seconds that a drawing adds to the computations of the distiller."""
    cfg = Config.fromfile(CONFIGS / 'r50_mbv2_in1k.py')
    model = nn.Module()
    model.distiller = distiller = MODELS.build(
        dict(cfg.model.distiller, _scope_='mmrazor'))
    generator = torch.Generator().manual_seed(0)
    for recorders, width in ((distiller.student_recorders, 1280),
                             (distiller.teacher_recorders, 2048)):
        features = torch.rand(batch, width, generator=generator)
        logits = torch.randn(batch, 1000, generator=generator)
        recorders.recorders['feature'].data_buffer.append((features, ))
        recorders.recorders['fc'].data_buffer.append(logits)
    labels = torch.arange(batch) // cfg.k
    samples = [DataSample().set_gt_label(int(label)) for label in labels]
    runner = SimpleNamespace(
        model=model,
        optim_wrapper=None,
        rank=0,
        iter=0,
        visualizer=Visualizer(
            name='flagship', vis_backends=BACKENDS, save_dir=save_dir))
    hook = CorrelationVisualizationHook(interval=1)
    seconds = dict(with_hook=[], without=[])
    for _ in range(repetitions + 1):
        for name, times in seconds.items():
            start = time.perf_counter()
            if name == 'with_hook':
                hook.before_train_iter(runner, 0)
            distiller.compute_distill_losses()
            if name == 'with_hook':
                hook.after_train_iter(runner, 0, dict(data_samples=samples))
                runner.iter += 1
            times.append(time.perf_counter() - start)
    runner.visualizer.close()
    with_hook, without = (statistics.median(times[1:])
                          for times in seconds.values())
    return with_hook - without


def main() -> None:
    parser = argparse.ArgumentParser(
        description='Time a drawing of CorrelationVisualizationHook.')
    parser.add_argument(
        '--epochs',
        type=int,
        default=40,
        help='epochs of the digits recipe, at least 5')
    parser.add_argument(
        '--batch',
        type=int,
        default=256,
        help='batch size of the ImageNet recipe')
    parser.add_argument('--repetitions', type=int, default=20)
    args = parser.parse_args()
    interval = CorrelationVisualizationHook().interval
    with tempfile.TemporaryDirectory() as folder:
        step, drawing = time_digits(f'{folder}/digits', args.epochs)
        print(f'digits: a step {1e3 * step:.1f} ms, a drawing '
              f'{1e3 * drawing:.0f} ms more; every {interval} steps '
              f'{drawing / step / interval:.2%}')
        drawing = time_flagship(f'{folder}/flagship', args.batch,
                                args.repetitions)
        print(f'flagship at batch {args.batch}: a drawing '
              f'{1e3 * drawing:.0f} ms; below 1 % every {interval} steps if '
              f'a step takes {1e5 * drawing / interval:.0f} ms or more')


if __name__ == '__main__':
    main()
