"""Teach a small student with CCKD on real digits, in a few minutes.

Trains, on scikit-learn's digits: a teacher; and, with several seeds, a student
alone, by KD, and by CCKD (KD and correlation congruence), the latter with
batches by CUR and by SUR. Each is trained by ``tools/train.py`` and tested by
``tools/test.py``; ``tools/cluster_superclasses.py`` makes the superclasses.
Ends with a table of test accuracies, a figure of correlation matrices, and
``summary.json``. What is done is reused; an interrupted run goes on where it
stopped.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).resolve().parent.parent
TEACHER = 'configs/baseline/r18w16_digits.py'
STUDENTS = {
    'student': 'configs/baseline/r10w6_digits.py',
    'kd': 'configs/baseline/kd_r18w16_r10w6_digits.py',
    'cckd': 'configs/cckd/r18w16_r10w6_digits.py',
    'cckd_sur': 'configs/cckd/r18w16_r10w6_digits_sur.py',
}
# Chosen on the validation split; see docs/digits.md.
NUM_SUPERCLASSES = 20


@dataclass
class Run:
    """One training with its test."""
    name: str
    config: str
    seed: int
    folder: Path
    teacher: Optional['Run'] = None
    superclasses: Optional[Path] = None

    @property
    def checkpoint(self) -> Path:
        from mmengine.config import Config
        epochs = Config.fromfile(ROOT / self.config).train_cfg.max_epochs
        return self.folder / f'epoch_{epochs}.pth'

    def fingerprint(self) -> str:
        """Changes with whatever would change the result."""
        from mmengine.config import Config
        digest = hashlib.sha256(str(self.seed).encode())
        digest.update(Config.fromfile(ROOT / self.config).pretty_text.encode())
        for source in sorted((ROOT / 'mmcckd').rglob('*.py')):
            digest.update(source.read_bytes())
        digest.update(metadata.version('torch').encode())
        if self.teacher is not None:
            digest.update(self.teacher.fingerprint().encode())
        if self.superclasses is not None:
            digest.update(self.superclasses.read_bytes())
        return digest.hexdigest()

    def result(self) -> Optional[dict]:
        """What an earlier start measured, if nothing has changed since."""
        try:
            result = json.loads((self.folder / 'result.json').read_text())
        except FileNotFoundError:
            return None
        if (result.pop('fingerprint') != self.fingerprint()
                or not self.checkpoint.exists()):
            return None
        return result

    def state(self) -> str:
        """A word about where it is."""
        try:
            log = (self.folder / 'train.log').read_text(errors='replace')
        except FileNotFoundError:
            return 'starting'
        epochs = re.findall(r'Epoch\(train\) +\[(\d+)\]', log)
        if (self.folder / 'test.log').exists():
            return 'testing'
        return f'epoch {epochs[-1]}' if epochs else 'starting'

    def do(self) -> dict:
        """Train and test, or reuse."""
        result = self.result()
        if result is not None:
            return result
        fingerprint = self.fingerprint()
        mark = self.folder / 'fingerprint'
        if not mark.exists() or mark.read_text() != fingerprint:
            self._make_folder(mark)
            mark.write_text(fingerprint)
        (self.folder / 'test.log').unlink(missing_ok=True)

        # A config of its own, since a path may hold what --cfg-options parse.
        config = self.folder / 'config.py'
        lines = [
            f'_base_ = {str(ROOT / self.config)!r}',
            f'randomness = dict(seed={self.seed})'
        ]
        if self.teacher is not None:
            lines.append('model = dict(teacher_ckpt='
                         f'{str(self.teacher.checkpoint)!r})')
        if self.superclasses is not None:
            lines.append('train_dataloader = dict(batch_sampler=dict('
                         f'superclasses={str(self.superclasses)!r}))')
        config.write_text('\n'.join(lines) + '\n')

        common = [str(config), '--work-dir', str(self.folder)]
        started = (self.folder / 'last_checkpoint').exists()
        call(self.folder, 'train', *common, *(['--resume'] * started))
        metrics = self.folder / 'metrics.json'
        call(self.folder, 'test', *common, str(self.checkpoint), '--out',
                   str(metrics), '--out-item', 'metrics')

        accuracy = json.loads(metrics.read_text())['accuracy/top1']
        result = dict(
            name=self.name,
            config=self.config,
            seed=self.seed,
            accuracy=round(accuracy, 2))
        write_json(self.folder / 'result.json',
                   dict(result, fingerprint=fingerprint))
        return result

    def _make_folder(self, mark: Path) -> None:
        if self.folder.exists() and not mark.exists():
            raise FileExistsError(
                f'{self.folder} was not made by the quickstart, so it is left '
                'alone; give another --work-dir.')
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)


def call(folder: Path, tool: str, *arguments: str) -> None:
    """Run one of the tools, with its output in a log."""
    log = folder / f'{tool}.log'
    with open(log, 'w') as out:
        code = subprocess.call(
            [sys.executable, str(ROOT / f'tools/{tool}.py'), *arguments],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, OMP_NUM_THREADS='1'))
    if code:
        tail = '\n'.join(log.read_text().splitlines()[-15:])
        raise RuntimeError(f'tools/{tool}.py {arguments[0]} failed with '
                           f'exit status {code}; {log} ends:\n{tail}')


def cluster(teacher: Run) -> Path:
    """The file of the teacher's superclasses, made if need be."""
    out = teacher.folder / 'superclasses.npz'
    mark = teacher.folder / 'superclasses.fingerprint'
    fingerprint = f'{teacher.fingerprint()} {NUM_SUPERCLASSES}'
    done = mark.exists() and mark.read_text() == fingerprint
    if not (done and out.exists()):
        print('Clustering the superclasses …', flush=True)
        call(teacher.folder, 'cluster_superclasses', str(ROOT / TEACHER),
             str(teacher.checkpoint), '--num-superclasses',
             str(NUM_SUPERCLASSES), '--out', str(out), '--overwrite')
        mark.write_text(fingerprint)
    return out


def write_json(path: Path, content: dict) -> None:
    """Write a file whole or not at all."""
    partial = path.with_suffix('.partial')
    partial.write_text(json.dumps(content, indent=2) + '\n')
    partial.replace(path)


def do_all(runs: List[Run], jobs: int, done: int, total: int,
           start: float) -> List[dict]:
    """Do runs side by side under a progress line."""
    pool = ThreadPoolExecutor(jobs)
    futures = [pool.submit(run.do) for run in runs]
    try:
        while True:
            finished = sum(future.done() for future in futures)
            print_progress([
                f'{run.name} seed {run.seed}: {run.state()}'
                for run, future in zip(runs, futures) if future.running()
            ], done + finished, total, start)
            if finished == len(runs) or any(
                    future.done() and future.exception()
                    for future in futures):
                break
            wait(futures, timeout=1 if sys.stdout.isatty() else 10)
    finally:  # on an error or Ctrl-C nothing more is started
        pool.shutdown(cancel_futures=True)
    if sys.stdout.isatty():
        print()
    return [future.result() for future in futures if not future.cancelled()]


def print_progress(active: List[str], done: int, total: int,
                   start: float) -> None:
    """One line, written over by the next where it is a terminal."""
    minutes, seconds = divmod(int(time.time() - start), 60)
    line = (f'[{done:2d}/{total} runs, {minutes}:{seconds:02d}] ' +
            ' | '.join(active))
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f'\r\033[K{line[:width]}', end='', flush=True)
    else:
        print(line, flush=True)


def print_table(results: List[dict]) -> None:
    print('\nTest accuracy, % (719 digits; ± standard deviation over seeds)')
    for name in ('teacher', *STUDENTS):
        accuracies = [r['accuracy'] for r in results if r['name'] == name]
        line = f'  {name:8s}  {statistics.mean(accuracies):6.2f}'
        if len(accuracies) > 1:
            line += (f' ± {statistics.stdev(accuracies):.2f}   seeds: ' +
                     ', '.join(f'{a:.2f}' for a in accuracies))
        print(line)


def draw_correlations(runs: List[Run], path: Path) -> None:
    """Correlation matrices of teacher, KD and CCKD students, means over seeds.

    The kernel is the CCKD config's, the batch 8 test digits of each class,
    sorted by class; the features are those of the neck, before a projection.
    """
    print('Drawing the correlation matrices …', flush=True)
    warnings.filterwarnings('ignore', message='Fail to import')
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from mmengine.config import Config
    from mmengine.registry import DefaultScope
    from mmengine.runner import load_checkpoint
    from mmpretrain.registry import MODELS, TRANSFORMS
    from mmrazor.registry import MODELS as RAZOR_MODELS

    import mmcckd  # noqa: F401
    from mmcckd.datasets import Digits

    first = {run.name: run for run in reversed(runs)}
    cfg = Config.fromfile(ROOT / first['cckd'].config)
    cfg.model.teacher_ckpt = str(first['teacher'].checkpoint)
    cfg.model.data_preprocessor = cfg.data_preprocessor
    kernel = RAZOR_MODELS.build(cfg.model.distiller.connectors.kernel_t)

    dataset = Digits(split='test')
    labels = np.array(dataset.get_gt_labels())
    per_class = 8
    batch = np.concatenate(
        [np.flatnonzero(labels == c)[:per_class] for c in range(10)])
    pack = TRANSFORMS.build(dict(type='PackInputs'))
    packed = [pack(dataset[i]) for i in batch]

    def correlate(run: Run) -> torch.Tensor:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            own = Config.fromfile(ROOT / run.config)
            own.model.data_preprocessor = own.data_preprocessor
            if 'distiller' in own.model:
                own.model.teacher_ckpt = None
                model = RAZOR_MODELS.build(own.model)
                network = model.student
            else:
                model = network = MODELS.build(own.model)
        load_checkpoint(
            model, str(run.checkpoint), 'cpu', strict=True, logger='silent')
        model.eval()
        with torch.no_grad():
            inputs = model.data_preprocessor(
                dict(
                    inputs=[p['inputs'] for p in packed],
                    data_samples=[p['data_samples'] for p in packed]))
            return kernel(network.extract_feat(inputs['inputs']))

    target = correlate(first['teacher'])
    matrices = {'Teacher': target}
    for title, name in (('KD', 'kd'), ('CCKD', 'cckd')):
        seeds = torch.stack([correlate(r) for r in runs if r.name == name])
        distances = (seeds - target).square().mean((1, 2))
        mean = f'{distances.mean():.4f}'
        if len(seeds) > 1:
            mean += f' ± {distances.std():.4f}'
        print(f'L_CC of {title} to the teacher: {mean}')
        matrices[f'Students by {title}\n$L_{{CC}}$: {mean}'] = seeds.mean(0)

    low = min(m.min().item() for m in matrices.values())
    figure, axes = plt.subplots(
        1, 3, figsize=(10, 3.9), layout='constrained', sharey=True)
    for ax, (title, matrix) in zip(axes, matrices.items()):
        image = ax.imshow(matrix, vmin=low, vmax=1, cmap='cividis')
        ax.set_title(title)
        ticks = np.arange(10) * per_class + (per_class - 1) / 2
        ax.set_xticks(ticks, range(10))
        ax.set_yticks(ticks, range(10))
        ax.tick_params(length=0)
        ax.set_xlabel('digit')
    axes[0].set_ylabel('digit')
    figure.colorbar(
        image, ax=axes, shrink=0.8, label='correlation (Gaussian RBF)')
    figure.savefig(path, dpi=120)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=ROOT / 'work_dirs' / 'quickstart',
        help='folder for everything; defaults to work_dirs/quickstart')
    parser.add_argument(
        '--seeds',
        type=int,
        default=5,
        help='students of each kind; defaults to 5')
    parser.add_argument(
        '--jobs',
        type=int,
        default=os.cpu_count(),
        help='trainings side by side; defaults to the number of cores')
    args = parser.parse_args()
    if args.seeds < 1 or args.jobs < 1:
        parser.error('--seeds and --jobs must be at least 1')
    return args


def main() -> None:
    args = parse_args()
    folder = args.work_dir.resolve()
    start = time.time()
    teacher = Run('teacher', TEACHER, 0, folder / 'teacher')
    alone = [
        Run('student', STUDENTS['student'], seed, folder / f'student_{seed}')
        for seed in range(args.seeds)
    ]
    distilled = [
        Run(name, STUDENTS[name], seed, folder / f'{name}_{seed}', teacher)
        for seed in range(args.seeds) for name in ('kd', 'cckd', 'cckd_sur')
    ]
    total = 1 + len(alone) + len(distilled)
    results = do_all([teacher, *alone], args.jobs, 0, total, start)
    superclasses = cluster(teacher)
    for run in distilled:
        if run.name == 'cckd_sur':
            run.superclasses = superclasses
    results += do_all(distilled, args.jobs, len(results), total, start)
    write_json(folder / 'summary.json', dict(runs=results))
    figure = folder / 'correlations.png'
    draw_correlations([teacher, *distilled], figure)
    print_table(results)
    print(f'\nFigure:   {os.path.relpath(figure)}\n'
          f'Clusters: {os.path.relpath(superclasses.with_suffix(".html"))}\n'
          f'Summary:  {os.path.relpath(folder / "summary.json")}')


if __name__ == '__main__':
    main()
