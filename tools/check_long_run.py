"""Train for an hour, and check that no memory and no open files are lost.

    python tools/check_long_run.py [--run digits] [--minutes 60]

The training runs in a process of its own. Every few seconds, the memory and
the open files of the main process and of its workers are read from /proc
(Linux only) and written to samples.csv in the output folder. The first quarter
of the time is a warm-up. Of the samples after it, the medians of the first and
of the last quarter are compared. The check fails if the memory of the main
process or of the workers grows by more than 1 %, or the number of open files
by more than 2.

Memory is what a process has allocated, also if it is swapped out. Pages of
files, such as libraries, are not counted, since the kernel loads and drops
them as it likes. What workers share with the main process is counted in each.
"""
import argparse
import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
FOREVER = 1_000_000  # epochs
MAX_GROWTH = 0.01  # of the memory, after the warm-up
DIGITS = [
    'configs/cckd/r18w16_r10w6_digits.py',
    '--cfg-options',
    'model.teacher_ckpt={out}/teacher/epoch_80.pth',
    f'param_scheduler.T_max={FOREVER}',
    'train_dataloader.dataset.samples_per_class=None',
    'train_dataloader.num_workers=2',
    'val_dataloader.num_workers=2',
]
# Arguments of train.py, in which {out} is the output folder.
RUNS = {
    'digits': [
        *DIGITS,
        'default_hooks.averages.type=EMAHook',
        'default_hooks.correlations.type=CorrelationVisualizationHook',
        'default_hooks.correlations.interval=500',
    ],
    'new_workers': [
        '--no-persistent-workers',
        *DIGITS,
    ],
    'teacher_store': [
        '--teacher-store',
        '{out}/store',
        'views=8',
        'dtype=float32',
        *DIGITS,
    ],
    # Smaller networks and images; each epoch ends with an evaluation.
    'reid': [
        'configs/cckd/r50_r18_msmt17.py',
        '--cfg-options',
        'model.architecture.backbone.init_cfg=None',
        'model.architecture.head.num_classes=60',
        'model.distiller.connectors.kernel_s.0.module_args.out_features=512',
        'model.teacher.backbone.depth=18',
        'model.teacher.backbone.init_cfg=None',
        'model.teacher.head.in_channels=512',
        'model.teacher.head.num_classes=60',
        'model.teacher_ckpt=None',
        'train_dataloader.dataset.data_root={out}/msmt17',
        'train_dataloader.dataset.pipeline.1.scale=(16,32)',
        'train_dataloader.dataset.pipeline.3.crop_size=(32,16)',
        'train_dataloader.num_workers=2',
        'val_dataloader.dataset.data_root={out}/msmt17',
        'val_dataloader.dataset.pipeline.1.scale=(16,32)',
        'val_dataloader.num_workers=2',
        'train_cfg.val_interval=1',
    ],
}


class Sample(NamedTuple):
    """What a run uses: MB of memory and open files, and its workers."""
    seconds: float
    main_memory: float
    main_files: int
    worker_memory: float
    worker_files: int
    workers: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--run', choices=RUNS, default='digits')
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument(
        '--interval', type=float, default=10, help='seconds between samples')
    parser.add_argument(
        '--out', type=Path, help='defaults to work_dirs/long_run/RUN')
    args = parser.parse_args()
    out = (args.out or ROOT / 'work_dirs/long_run' / args.run).resolve()
    out.mkdir(parents=True, exist_ok=True)
    with open(out / 'log.txt', 'w') as log:
        prepare(args.run, out, log)
        samples = observe(args, out, log)
    print(f'{args.run}, {args.minutes:g} minutes, with samples every '
          f'{args.interval:g} seconds; after the warm-up:')
    if not report(samples):
        sys.exit('check_long_run: memory or open files accumulate; the '
                 f'samples are in {out / "samples.csv"}')


def prepare(run: str, out: Path, log) -> None:
    """Train the teacher of the digits, or make the data of reid."""
    if run == 'reid':
        made = out / 'msmt17'
        command = tool('make_toy_dataset.py', 'msmt17', made)
    else:
        made = out / 'teacher/epoch_80.pth'
        command = tool('train.py', 'configs/baseline/r18w16_digits.py',
                       '--no-validate', '--work-dir', out / 'teacher')
    if not made.exists():
        subprocess.run(command, check=True, cwd=ROOT, stdout=log, stderr=log)


def tool(name: str, *arguments) -> List[str]:
    """Return the command of a tool."""
    return [sys.executable, f'tools/{name}', *map(str, arguments)]


def observe(args: argparse.Namespace, out: Path, log) -> List[Sample]:
    """Train for some minutes, and return what the run used meanwhile."""
    arguments = [text.format(out=out) for text in RUNS[args.run]]
    command = tool('train.py', *arguments, f'train_cfg.max_epochs={FOREVER}',
                   f'work_dir={out / "run"}')
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    start = time.monotonic()
    samples = []
    try:
        with open(out / 'samples.csv', 'w', newline='') as file:
            table = csv.writer(file)
            table.writerow(Sample._fields)
            while time.monotonic() - start < args.minutes * 60:
                time.sleep(args.interval)
                if process.poll() is not None:
                    sys.exit('check_long_run: the training has ended; see '
                             f'{out / "log.txt"}')
                samples.append(
                    take_sample(process.pid, time.monotonic() - start))
                table.writerow(samples[-1])
                file.flush()
    finally:
        process.terminate()
        process.wait()
        # A worker may wait for a lock of a process that has ended.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return samples


def take_sample(pid: int, seconds: float) -> Sample:
    """Measure a process and its children, which are its workers."""
    workers = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    measured = []
    for worker in workers:
        with contextlib.suppress(OSError):  # it may have just ended
            measured.append((memory(worker), open_files(worker)))
    worker_memory, worker_files = map(sum, zip(*measured, (0, 0)))
    return Sample(seconds, memory(pid), open_files(pid), worker_memory,
                  worker_files, len(measured))


def memory(pid) -> float:
    """Return the allocated memory of a process in MB."""
    rows = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    return sum(
        int(row.split()[1]) / 1024 for row in rows
        if row.startswith(('Anonymous:', 'Swap:', 'Pss_Shmem:')))


def open_files(pid) -> int:
    return len(list(Path(f'/proc/{pid}/fd').iterdir()))


def report(samples: List[Sample]) -> bool:
    """Print a table of growth, and return whether nothing accumulates."""
    columns = Sample(*np.array(samples[len(samples) // 4:], float).T)
    complete = columns.workers >= columns.workers.mean()
    passed = True
    print('|                    | least |  most | growth |\n'
          '|--------------------|-------|-------|--------|')
    for name in Sample._fields[1:]:
        values = getattr(columns, name)
        if name != 'workers':  # some may be starting or ending
            values = values[complete]
        quarter = len(values) // 4
        growth = np.median(values[-quarter:]) - np.median(values[:quarter])
        print(f'| {name:18} | {values.min():5.0f} | {values.max():5.0f} | '
              f'{growth:+6.2f} |')
        allowed = max(MAX_GROWTH * values.mean(), 2)
        passed = passed and growth <= allowed
    return passed


if __name__ == '__main__':
    main()
