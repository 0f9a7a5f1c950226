"""Compare a study with a teacher store and one without.

    python tools/benchmarks/study_with_store.py [--seeds 20 --rounds 4]

Both studies have the rows KD and CCKD of the digits, with the same views of
each sample, as many as epochs. One keeps the teacher's outputs in a store, in
float32, filled before the runs. The other runs the teacher in each step.
``tools/study.py`` runs one after the other, one run at a time, a few seeds in
turn (--rounds), so that both are measured under the same load.

The output has the wall time of both, which includes the training of the
teacher and the start of ``tools/study.py`` in each round; the median wall time
of a student's run; the processor time of all runs, which depends less on what
else the machine does; the peak memory of a run; and the number of metrics that
differ, which should be 0. It needs Linux.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Dict, List

import yaml

from mmcckd.studies import ResultsFile

ROOT = Path(__file__).resolve().parents[2]
NAMES = ('without', 'with')


def make_study(stored: bool, epochs: int) -> dict:
    """The content of a study file."""
    options = {
        'train_cfg.max_epochs': epochs,
        'param_scheduler.T_max': epochs,
    }
    study = dict(
        title='With a teacher store' if stored else 'Without',
        question='How long does it take?',
        teacher=dict(
            config='configs/baseline/r18w16_digits.py', options=options),
        options=options,
        rows=dict(
            KD=dict(config='configs/baseline/kd_r18w16_r10w6_digits.py'),
            CCKD=dict(config='configs/cckd/r18w16_r10w6_digits.py')))
    if stored:
        study['teacher_store'] = dict(views=epochs, dtype='float32')
    else:
        study['options'] = dict(
            options,
            custom_hooks=[dict(type='RepeatableViewsHook', views=epochs)])
    return study


class Measured:
    """A study in a folder, and what its runs needed so far."""

    def __init__(self, folder: Path, name: str, epochs: int) -> None:
        self.work_dir = folder / name
        self.file = folder / f'{name}.yml'
        self.file.write_text(
            yaml.safe_dump(
                make_study(name == 'with', epochs), sort_keys=False))
        self.seconds = 0.0
        self.cpu: Dict[int, float] = {}  # seconds of each run's process
        self.memory = 0

    def run(self, seeds: int) -> None:
        """Run the study with this number of seeds, or continue it."""
        start = time.perf_counter()
        process = subprocess.Popen([
            sys.executable, ROOT / 'tools/study.py', self.file, '--seeds',
            str(seeds), '--jobs', '1', '--work-dir', self.work_dir
        ],
                                   stdout=subprocess.DEVNULL)
        while process.poll() is None:
            # The training of a run is a child of the server that study.py
            # forks its runs from.
            for server in children(process.pid):
                for run in children(server):
                    self.look_at(run)
            time.sleep(0.05)
        self.seconds += time.perf_counter() - start
        if process.returncode:
            sys.exit(f'study_with_store: {process.args} ended with '
                     f'{process.returncode}')

    def look_at(self, run: int) -> None:
        """Note the processor time and memory of a process so far."""
        with suppress(OSError):  # it has ended
            # Fields after the name in parentheses, the third of the file on.
            fields = Path(f'/proc/{run}/stat').read_text().rpartition(
                ')')[2].split()
            self.cpu[run] = sum(map(int, fields[11:13])) / os.sysconf(
                'SC_CLK_TCK')
            self.memory = max(self.memory, peak_memory(run))

    def results(self) -> list:
        """The results of the students, in the order of their runs."""
        results = ResultsFile(self.work_dir / 'results.jsonl').results
        return sorted((result for result in results.values()
                       if result.run.teacher is not None),
                      key=lambda result:
                      (result.run.config, result.run.seed))


def children(pid: int) -> List[int]:
    """The processes that a process has started, on Linux."""
    found = []
    for path in Path(f'/proc/{pid}/task').glob('*/children'):
        with suppress(OSError):  # it has ended
            found.extend(map(int, path.read_text().split()))
    return found


def peak_memory(pid: int) -> int:
    """The largest resident set of a process so far, in kB."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next((int(line.split()[1])
                 for line in lines if line.startswith('VmHWM:')), 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=4)
    parser.add_argument('--epochs', type=int, default=80)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        studies = [
            Measured(Path(folder), name, args.epochs) for name in NAMES
        ]
        for i in range(args.rounds):
            for study in studies:
                study.run(max(2, args.seeds * (i + 1) // args.rounds))
        report(*studies)


def report(without: Measured, stored: Measured) -> None:
    """Print the comparison as a table."""
    print('| store | wall time, s | a run, s | processor time, s | '
          'peak memory of a run, MB |')
    print('|---|---:|---:|---:|---:|')
    for name, study in zip(NAMES, (without, stored)):
        seconds = [result.seconds for result in study.results()]
        print(f'| {name} | {study.seconds:.0f} | '
              f'{statistics.median(seconds):.2f} | '
              f'{sum(study.cpu.values()):.1f} | '
              f'{study.memory / 1000:.0f} |')
    pairs = list(zip(without.results(), stored.results()))
    differ = sum(one.metrics[name] != other.metrics[name]
                 for one, other in pairs for name in one.metrics)
    print(f'{differ} of {sum(len(one.metrics) for one, _ in pairs)} metrics '
          'differ.')


if __name__ == '__main__':
    main()
