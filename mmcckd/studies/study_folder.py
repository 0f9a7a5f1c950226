"""Where a study keeps the files of its runs, and the lock of its folder."""
from pathlib import Path
from typing import ContextManager

import numpy as np

from mmcckd.files.locks import file_lock

from .run import Run

RESULTS = 'results.jsonl'
FEATURES = 'test_features.npy'
CHECKPOINT = 'checkpoint.pth'


def run_folder(run: Run, folder: Path) -> Path:
    """The folder of a run's files."""
    return folder / 'runs' / run.key


def superclass_file(run: Run, folder: Path) -> Path:
    """The superclass file of the run's teacher."""
    return run_folder(run.teacher, folder) / (
        f'superclasses_{run.superclasses}.npz')


def load_features(run: Run, folder: Path) -> np.ndarray:
    """The run's features of the test split, (n, d), float32."""
    return np.load(run_folder(run, folder) / FEATURES)


def lock_folder(folder: Path) -> ContextManager[None]:
    """Keep other processes from running a study in the same folder.

    Args:
        folder (Path): Folder of the study; created if it does not exist.

    Raises:
        ValueError: If another process holds the lock.
    """
    return file_lock(
        folder / '.lock',
        f'Another study is writing to {folder}; wait until it has finished, '
        'or give another --work-dir.')
