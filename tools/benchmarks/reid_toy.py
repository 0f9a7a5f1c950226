"""Train and test the MSMT17 recipes on toy persons: teacher, alone, KD, CCKD.

    python tools/benchmarks/reid_toy.py

The recipes for ResNet-50 -> ResNet-18 are run from random weights, on images
of 64 x 32 pixels, with a shorter schedule in the same proportions, using
tools/train.py and tools/test.py. The output is a table of test metrics with
mean and standard deviation over seeds. Finished runs are reused, so the
benchmark can be interrupted and started again.

The other settings are those of the recipes. Nothing is tuned here.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmengine.config import Config

import mmcckd  # noqa: F401
from mmcckd.reid import MSMT17
from mmcckd.reid.toy import make_msmt17

ROOT = Path(__file__).resolve().parents[2]
TEACHER = 'baseline/r50_msmt17'
STUDENTS = {
    'student alone': 'baseline/r18_msmt17',
    'KD': 'baseline/kd_r50_r18_msmt17',
    'CCKD': 'cckd/r50_r18_msmt17',
}
METRICS = ('reid/mAP', 'reid/mINP', 'reid/rank-1', 'reid/rank-5')
HEIGHT, WIDTH = 64, 32


def shrink(recipe: str, data: Path, epochs: int, seed: int,
           teacher: Path) -> Config:
    """Adapt a recipe to the toy data set."""
    cfg = Config.fromfile(ROOT / 'configs' / f'{recipe}.py')
    persons = len(MSMT17(data_root=str(data), split='train').CLASSES)
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.data_root = str(data)
        for transform in loader.dataset.pipeline:
            if transform.type == 'Resize':
                transform.scale = (WIDTH, HEIGHT)
            elif transform.type == 'RandomCrop':
                transform.update(crop_size=(HEIGHT, WIDTH), padding=3)
    networks = [cfg.model]
    if 'distiller' in cfg.model:
        networks = [cfg.model.architecture, cfg.model.teacher]
        cfg.model.teacher_ckpt = str(teacher)
    for network in networks:
        network.backbone.init_cfg = None  # nothing is downloaded
        network.head.num_classes = persons
    warm_up, steps = cfg.param_scheduler
    warm_up.end = 50
    steps.milestones = [epochs // 3, epochs * 3 // 4]
    steps.end = epochs
    cfg.train_cfg.update(max_epochs=epochs, val_interval=epochs)
    cfg.default_hooks.checkpoint.update(interval=epochs, max_keep_ckpts=1)
    cfg.randomness.seed = seed
    return cfg


def run(folder: Path, cfg: Config) -> dict:
    """Train and test in a folder, or read the metrics of an earlier run."""
    metrics = folder / 'metrics.json'
    checkpoint = folder / f'epoch_{cfg.train_cfg.max_epochs}.pth'
    if not metrics.exists():
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / 'config.py'
        cfg.dump(config)
        call(folder, 'train', config)
        call(folder, 'test', config, checkpoint, '--out', metrics,
             '--out-item', 'metrics')
    return json.loads(metrics.read_text())


def call(folder: Path, tool: str, *arguments) -> None:
    with open(folder / f'{tool}.log', 'w') as log:
        done = subprocess.run([
            sys.executable, ROOT / f'tools/{tool}.py', *arguments,
            '--work-dir', folder
        ],
                              stdout=log,
                              stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f'tools/{tool}.py failed; see {log.name}')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument(
        '--jobs', type=int, default=2, help='number of parallel trainings')
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/reid_toy'))
    args = parser.parse_args()

    folder = args.work_dir.resolve()
    data = folder / 'data'
    if not data.exists():
        make_msmt17(data)
    teacher = folder / 'teacher' / f'epoch_{args.epochs}.pth'
    cfg = shrink(TEACHER, data, args.epochs, 0, teacher)
    results = {'teacher': [run(folder / 'teacher', cfg)]}

    os.environ['OMP_NUM_THREADS'] = str(
        max(1, len(os.sched_getaffinity(0)) // args.jobs))
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = {
            name: [
                pool.submit(
                    run, folder / f'{Path(recipe).name}_{seed}',
                    shrink(recipe, data, args.epochs, seed, teacher))
                for seed in range(args.seeds)
            ] for name, recipe in STUDENTS.items()
        }
        for name, futures in runs.items():
            results[name] = [future.result() for future in futures]

    print('| | ' + ' | '.join(m.removeprefix('reid/') for m in METRICS) + ' |')
    print('|---|' + '---:|' * len(METRICS))
    for name, measured in results.items():
        cells = []
        for metric in METRICS:
            values = [100 * result[metric] for result in measured]
            cell = f'{statistics.mean(values):.1f}'
            if len(values) > 1:
                cell += f' ± {statistics.stdev(values):.1f}'
            cells.append(cell)
        print(f'| {name} | ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    main()
