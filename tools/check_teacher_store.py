"""Kill processes that fill one teacher store, and compare every row.

    python tools/check_teacher_store.py [--kills 20 --processes 3]

A teacher of the digits is trained, unless --teacher is given. Several
processes of tools/store_teacher.py and one of tools/train.py then fill the
same store at once, and are killed (SIGKILL) at random moments while they do
so. After the kills, all rows must fit their checksums. One more process fills
the rows that are missing, and each row is compared with the output of the
teacher, computed without a store.
"""
import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS

import mmcckd  # noqa: F401  (first, it makes mmrazor importable)
from mmcckd.datasets.repeatable_views import RepeatableViews
from mmcckd.models.algorithms.teacher_checkpoint import load_teacher_checkpoint
from mmcckd.models.find_module import find_module
from mmcckd.teacher_store import TeacherStore

from mmrazor.registry import MODELS  # isort: skip

ROOT = Path(__file__).resolve().parents[1]
TEACHER = ROOT / 'configs/baseline/r18w16_digits.py'
CCKD = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'
# All labels, so that filling takes long.
OPTIONS = ['train_dataloader.dataset.samples_per_class=None']
# Printed when a process has begun to fill the store.
FILLING = re.compile(r'elapsed|Epoch\(train\)')
TOLERANCE = 1e-4  # of the largest number in a row; the store has float32


class Filler:
    """A process that fills the store.

    Args:
        tool (str): "store_teacher" or "train".
        folder (Path): The folder of the store.
        teacher (Path): Checkpoint of the teacher.
        views (int): Number of views.
        number (int): Number of the process, for its files.
    """

    def __init__(self, tool: str, folder: Path, teacher: Path, views: int,
                 number: int) -> None:
        self.log = folder / f'{number}.log'
        command = [
            sys.executable, ROOT / f'tools/{tool}.py', CCKD, '--work-dir',
            folder / f'work_dir_{number}', '--teacher-store', folder / 'store',
            f'views={views}', 'dtype=float32', '--cfg-options', *OPTIONS,
            f'model.teacher_ckpt={teacher}'
        ]
        if tool == 'train':
            command += ['default_hooks.logger.interval=1']
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True)

    def wait_until_it_fills(self) -> None:
        """Return when it has begun, or exit if it has ended."""
        while not FILLING.search(self.log.read_text()):
            if self.process.poll() is not None:
                sys.exit(f'{self.log.read_text()}\ncheck_teacher_store: '
                         'a process ended before it was killed')
            time.sleep(0.02)

    def kill(self) -> bool:
        """Kill it, and return whether it was still running."""
        self.process.send_signal(signal.SIGKILL)
        return self.process.wait() == -signal.SIGKILL


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--processes', type=int, default=3)
    parser.add_argument('--views', type=int, default=80)
    parser.add_argument(
        '--teacher', type=Path, help='checkpoint of r18w16_digits.py')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        teacher = args.teacher or train_teacher(folder)
        kill(folder, teacher, args)
        last = Filler('store_teacher', folder, teacher, args.views, args.kills)
        if last.process.wait():
            sys.exit(last.log.read_text())
        compare(folder, teacher)


def train_teacher(folder: Path) -> Path:
    """Train the teacher, and return its checkpoint."""
    subprocess.run([
        sys.executable, ROOT / 'tools/train.py', TEACHER, '--work-dir',
        folder / 'teacher', '--no-validate'
    ],
                   check=True,
                   stdout=subprocess.DEVNULL)
    return Path((folder / 'teacher/last_checkpoint').read_text())


def kill(folder: Path, teacher: Path, args: argparse.Namespace) -> None:
    """Start processes and kill them, until enough were killed."""
    chance = random.Random(0)
    killed = started = 0
    while killed < args.kills:
        fillers: List[Filler] = []
        for i in range(min(args.processes, args.kills - killed)):
            tool = 'store_teacher' if i else 'train'
            fillers.append(
                Filler(tool, folder, teacher, args.views, started))
            started += 1
        for filler in fillers:
            filler.wait_until_it_fills()
        chance.shuffle(fillers)
        for filler in fillers:
            time.sleep(chance.uniform(0, 0.5))
            if not filler.kill():
                sys.exit('check_teacher_store: a process had filled the store '
                         f'after {killed} kills; give more --views')
            killed += 1
        store = TeacherStore.open(str(folder / 'store'))
        stored = ', '.join(f'{source} {filled:.1%}'
                           for source, filled in store.filled().items())
        print(f'{killed} processes killed, stored: {stored}', flush=True)
    damaged = store.check(lambda rows: None)
    print(f'damaged rows: {damaged}')
    if any(damaged.values()):
        sys.exit('check_teacher_store: rows are damaged')


@torch.no_grad()
def compare(folder: Path, checkpoint: Path) -> None:
    """Compare all rows with the teacher's outputs."""
    cfg = Config.fromfile(CCKD)
    cfg.train_dataloader.dataset.samples_per_class = None
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    teacher = MODELS.build(cfg.model.teacher)
    load_teacher_checkpoint(teacher, str(checkpoint))
    teacher.eval()
    preprocessor = MODELS.build(cfg.data_preprocessor)
    store = TeacherStore.open(str(folder / 'store'))
    outputs = {}
    for source in store.layouts:
        find_module(teacher, source.partition(':')[2],
                    'teacher').register_forward_hook(
                        lambda module, inputs, output, source=source: outputs.
                        update({source: output}))

    views = RepeatableViews(dataset, store.settings.views, store.settings.seed)
    samples = np.arange(len(dataset))
    worst = dict.fromkeys(store.layouts, 0.0)
    other = dict.fromkeys(store.layouts, np.inf)
    for view in range(store.settings.views):
        batch = preprocessor(pseudo_collate(views.load(samples, view)))
        teacher(batch['inputs'], mode='tensor')
        stored = store.read(
            np.full_like(samples, view), samples, list(store.layouts))
        for source, (leaf, ) in stored.items():
            output = outputs[source]
            if isinstance(output, tuple):
                output, = output
            worst[source] = max(worst[source],
                                differences(leaf, output).max())
            # Rows in the place of others would be found.
            other[source] = min(other[source],
                                differences(np.roll(leaf, 1, 0), output).min())
    rows = store.settings.views * len(dataset)
    for source in worst:
        print(f'{source}: {rows:,} rows, largest difference '
              f'{worst[source]:.1e} (between samples: {other[source]:.1e} or '
              'more)')
    if max(worst.values()) > TOLERANCE:
        sys.exit(f'check_teacher_store: differences above {TOLERANCE}')
    if min(other.values()) <= TOLERANCE:
        sys.exit('check_teacher_store: the outputs of samples hardly differ; '
                 'give a trained --teacher')
    print('All rows are right.')


def differences(stored: np.ndarray, output: torch.Tensor) -> np.ndarray:
    """The largest difference in each row, relative to its largest number."""
    output = output.numpy()
    return np.abs(stored - output).max(1) / np.abs(output).max(1)


if __name__ == '__main__':
    main()
