"""Teacher features on disk, in a ``.npy`` memory map that starts share."""
import hashlib
import json
import os
import time
from pathlib import Path
from typing import List, Optional

import numpy as np

from .superclass_file import whole_file

SECONDS_BETWEEN_NOTES = 1.


class FeatureFile:
    """L2-normalised features of a dataset, (N, d), and how far they have come.

    Two files in a folder: ``teacher_features_{digest}.npy``, an ordinary NumPy
    array to be opened as a memory map; and a ``.json`` of the same name that
    notes what is done. The digest is that of the job, so another teacher,
    dataset or pipeline gets files of its own, and the same one goes on where
    it stopped. What was not noted when a run was killed is computed again.

    Args:
        folder (str | Path): Where the files are, or will be.
        job (dict): All that the features follow from, as JSON takes it.
        num_samples (int): N.
        dtype (str): "float16" or "float32".
    """

    def __init__(self, folder, job: dict, num_samples: int,
                 dtype: str) -> None:
        job = dict(job, num_samples=num_samples, dtype=dtype)
        text = json.dumps(job, sort_keys=True, default=str)
        self.digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        self.path = Path(folder) / f'teacher_features_{self.digest}.npy'
        self.note = self.path.with_suffix('.json')
        self.job = json.loads(text)
        self.num_samples = num_samples
        self.dtype = np.dtype(dtype)
        self.rows_done = 0
        self.unreadable: List[int] = []
        self._map: Optional[np.memmap] = None
        self._noted = time.monotonic()
        if self.path.exists() and self.note.exists():
            note = json.loads(self.note.read_text())
            self.rows_done = note['rows_done']
            self.unreadable = note['unreadable']
            self._map = np.load(self.path, mmap_mode='r+')

    def read(self) -> np.ndarray:
        """The features as a read-only memory map; unreadable rows are 0."""
        return np.load(self.path, mmap_mode='r')

    def write(self, begin: int, features: np.ndarray,
              readable: np.ndarray) -> None:
        """Take the features of consecutive rows.

        Args:
            begin (int): The first row, at most ``rows_done``.
            features (np.ndarray): (m, d).
            readable (np.ndarray): (m, ), bool; other rows are noted.

        Raises:
            OSError: If the disk has no room for all features.
            ValueError: If a feature is NaN or infinite.
        """
        finite = np.isfinite(features).all(1) | ~readable
        if not finite.all():
            wrong = (begin + np.flatnonzero(~finite)).tolist()
            raise ValueError(
                f'The teacher gives NaN or infinite features for sample '
                f'{", ".join(map(str, wrong[:10]))}; check its checkpoint, '
                'its data preprocessor and the images.')
        if self._map is None:
            self._create(features.shape[1])
        end = begin + len(features)
        self._map[begin:end] = np.where(readable[:, None], features, 0)
        tried = range(begin, end)
        self.unreadable = sorted(
            {row for row in self.unreadable if row not in tried}
            | {begin + int(i) for i in np.flatnonzero(~readable)})
        self.rows_done = max(self.rows_done, end)
        if time.monotonic() - self._noted > SECONDS_BETWEEN_NOTES:
            self.write_note()

    def write_note(self) -> None:
        """Note what is done; features reach the disk before their note."""
        if self._map is not None:
            self._map.flush()
        note = dict(
            rows_done=self.rows_done, unreadable=self.unreadable, job=self.job)
        with whole_file(self.note) as file:
            file.write(json.dumps(note, indent=1).encode())
        self._noted = time.monotonic()

    def _create(self, width: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        shape = (self.num_samples, width)
        self._map = np.lib.format.open_memmap(self.path, 'w+', self.dtype,
                                              shape)
        if hasattr(os, 'posix_fallocate'):
            # Without room, writing to a memory map kills the process.
            size = self.path.stat().st_size
            with open(self.path, 'r+b') as file:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                except OSError as error:
                    self._map = None
                    self.path.unlink()
                    raise OSError(
                        error.errno, f'No room for the features, {size:,} '
                        f'bytes, in {self.path.parent}: {error.strerror}; '
                        'give --out on another disk') from error
