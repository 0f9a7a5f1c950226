"""Measure the start of ``tools/train.py``.

    python tools/benchmarks/start.py [--against PATH]

The output has the median seconds of new processes for

- ``tools/train.py --help``
- the first iteration of the digits recipe, without a teacher's checkpoint
- the first iteration of the recipe ResNet-50 → MobileNetV2 on a toy data set
  in the layout of ImageNet, with four images

in processor time, which depends little on other processes of the machine, and
as measured by the clock. ``--against`` gives the root of another checkout, in
which the same is measured in turn. For what of it is import, see imports.py.
"""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Tuple

from checkouts import ROOT, parse_checkouts

FIRST = 'Epoch(train)'  # in the log of the first iteration


def commands(data: Path) -> Dict[str, List[str]]:
    """Return the arguments of each command."""
    common = ['model.teacher_ckpt=None', 'default_hooks.logger.interval=1']
    return {
        '`--help`': ['--help'],
        'digits': [
            'configs/cckd/r18w16_r10w6_digits.py', '--cfg-options', *common
        ],
        'toy ImageNet': [
            'configs/cckd/r50_mbv2_in1k.py', '--no-validate', '--cfg-options',
            *common, 'train_dataloader.batch_size=4',
            'train_dataloader.num_workers=0',
            f'train_dataloader.dataset.data_root={data}'
        ],
    }


def measure(checkout: Path, arguments: List[str]) -> Tuple[float, float]:
    """Run until the first iteration or the end.

    Returns:
        Tuple[float, float]: Seconds of processor time, and of the clock.
    """
    with tempfile.TemporaryDirectory() as work_dir:
        if arguments != ['--help']:
            arguments = [arguments[0], '--work-dir', work_dir, *arguments[1:]]
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, '-W', 'ignore', 'tools/train.py', *arguments],
            cwd=checkout,
            env=dict(os.environ, PYTHONPATH=str(checkout)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True)
        log = []
        for line in process.stdout:
            log.append(line)
            if FIRST in line:
                process.send_signal(signal.SIGKILL)  # the rest is not measured
                break
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = status
    if status != 0 and FIRST not in log[-1]:
        raise RuntimeError(f'{arguments} failed in {checkout}:\n' +
                           ''.join(log[-30:]))
    return usage.ru_utime + usage.ru_stime, seconds


def main() -> None:
    checkouts, repetitions = parse_checkouts(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, 'imagenet')
        subprocess.run([
            sys.executable, ROOT / 'tools/make_toy_dataset.py', 'imagenet',
            data
        ], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        measured = {(name, command): []
                    for command in commands(data) for name in checkouts}
        for _ in range(repetitions + 1):
            for command, arguments in commands(data).items():
                for name, checkout in checkouts.items():  # in turn
                    measured[name, command].append(
                        measure(checkout, arguments))

    print(f'medians of {repetitions} processes, seconds\n')
    print('| until the end or the first iteration | checkout | processor time '
          '| clock |\n|---|---|---:|---:|')
    for (name, command), pairs in measured.items():
        processor, clock = map(statistics.median, zip(*pairs[1:]))
        print(f'| {command} | {name} | {processor:.2f} | {clock:.2f} |')


if __name__ == '__main__':
    main()
