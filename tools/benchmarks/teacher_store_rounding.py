"""Compare students that are trained with and without a teacher store.

    python tools/benchmarks/teacher_store_rounding.py

The CCKD recipe of the digits is trained with the same seed and the same views
of the samples (as many as epochs): without a store; with stores of float32 and
float16 numbers, each while it is filled and when it is filled; and without a
store, but with a teacher that computes in float16 or bfloat16, which rounds
more often than a store does. The table has the largest relative difference of
the loss terms in the first iteration, the relative difference of the student's
weights after the first and the last epoch (norm of the difference over norm),
and the validation accuracy at the end.
"""
import argparse
import tempfile
from pathlib import Path
from typing import Dict

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope

import mmcckd  # noqa: F401
from mmcckd.engine import build_runner

ROOT = Path(__file__).resolve().parents[2]
TEACHER = 'baseline/r18w16_digits'
STUDENT = 'cckd/r18w16_r10w6_digits'
RUNS = {  # name -> dtype of the store, options
    'no store': (None, {}),
    'float32, filling': ('float32', {}),
    'float32, filled': ('float32', {}),
    'float16, filling': ('float16', {}),
    'float16, filled': ('float16', {}),
    'no store, float16 teacher': (None, {'model.teacher_dtype': 'float16'}),
    'no store, bfloat16 teacher': (None, {'model.teacher_dtype': 'bfloat16'}),
}


class Keep(Hook):
    """Keep the first losses, and the weights after each epoch."""

    def __init__(self) -> None:
        self.losses: Dict[str, float] = {}
        self.weights = []
        self.accuracy = float('nan')

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None) -> None:
        if not self.losses:
            self.losses = {
                name: float(value)
                for name, value in outputs.items() if 'loss' in name
            }

    def after_train_epoch(self, runner) -> None:
        parameters = runner.model.student.parameters()
        self.weights.append(
            torch.cat([p.detach().double().flatten() for p in parameters]))

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.accuracy = metrics['accuracy/top1']


def train(recipe: str, folder: Path, epochs: int, hooks=(), **options
          ) -> Keep:
    """Train a recipe in this process."""
    DefaultScope._instance_dict.clear()
    cfg = Config.fromfile(ROOT / f'configs/{recipe}.py')
    cfg.merge_from_dict({
        'work_dir': str(folder),
        'experiment_name': folder.name,
        'log_level': 'ERROR',
        'train_cfg': dict(max_epochs=epochs, val_interval=epochs),
        'default_hooks.checkpoint.interval': epochs,
        'custom_hooks': list(hooks),
        **options
    })
    runner = build_runner(cfg)
    keep = Keep()
    if 'distiller' in cfg.model:
        runner.register_hook(keep)
    runner.train()
    return keep


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--epochs', type=int, default=80)
    args = parser.parse_args()

    results = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        train(TEACHER, folder / 'teacher', args.epochs)
        for name, (dtype, options) in RUNS.items():
            options = {
                **options, 'model.teacher_ckpt':
                str(folder / f'teacher/epoch_{args.epochs}.pth')
            }
            hooks = []
            if dtype is None:
                hooks = [dict(type='RepeatableViewsHook', views=args.epochs)]
            else:
                options['model.teacher_store'] = dict(
                    path=str(folder / dtype), views=args.epochs, dtype=dtype)
            results[name] = train(STUDENT, folder / name, args.epochs, hooks,
                                  **options)

    print('| | first losses | weights, epoch 1 | weights, epoch '
          f'{args.epochs} | accuracy |')
    print('|---|---:|---:|---:|---:|')
    expected = results['no store']
    for name, found in results.items():
        losses = max(abs(found.losses[term] / expected.losses[term] - 1)
                     for term in expected.losses)
        first, last = (
            float((found.weights[i] - expected.weights[i]).norm() /
                  expected.weights[i].norm()) for i in (0, -1))
        print(f'| {name} | {losses:.1e} | {first:.1e} | {last:.1e} | '
              f'{found.accuracy:.2f} |')


if __name__ == '__main__':
    main()
