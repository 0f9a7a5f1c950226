"""Teacher features on disk, which an interrupted run can continue."""
import hashlib
import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional

import numpy as np
from mmengine.config import ConfigDict

from mmcckd.files.atomic import atomic_write
from mmcckd.files.json_text import parse_json
from mmcckd.files.locks import file_lock

SECONDS_BETWEEN_NOTES = 1.
# The workers of a killed run keep its lock for up to 5 seconds.
SECONDS_TO_LOCK = 10.


class FeatureFile:
    """L2-normalized features of a dataset, (N, d), and which of them are done.

    There are two files: ``teacher_features_{digest}.npy``, a NumPy array that
    is opened as a memory map, and a ``.json`` file of the same name, the note,
    which records the rows that are done. The digest identifies the job:
    another teacher, dataset or pipeline gets other files, and a repeated job
    continues its own. Rows that were not recorded when a run was killed are
    computed again. Only one process at a time can write into a folder.

    Args:
        folder (str | Path): The folder of the files.
        job (dict): All settings that decide the features, in JSON types.
        num_samples (int): N, the size of the dataset.
        dtype (str): Type of the stored features, "float16" or "float32".

    Raises:
        ValueError: If the files of the job are damaged.
    """

    def __init__(self, folder, job: dict, num_samples: int,
                 dtype: str) -> None:
        job = ConfigDict(job, num_samples=num_samples, dtype=dtype)
        text = json.dumps(job.to_dict(), sort_keys=True, default=str)
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
        self._read_note()

    def read(self) -> np.ndarray:
        """Open the features as a read-only memory map.

        Rows of images that could not be read are 0.
        """
        return np.load(self.path, mmap_mode='r')

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Context in which no other process writes features into the folder.

        Raises:
            ValueError: If another process is writing.
        """
        folder = self.path.parent
        with file_lock(
                folder / '.features.lock',
                f'Another process is writing features into {folder}; wait for '
                'it, or give --out in another folder.', SECONDS_TO_LOCK):
            self._read_note()
            yield
            self.write_note()

    def write(self, begin: int, features: np.ndarray,
              readable: np.ndarray) -> None:
        """Write the features of consecutive rows, within :meth:`writing`.

        Args:
            begin (int): The first row, at most ``rows_done``.
            features (np.ndarray): (m, d), or (m, 0) if no image is readable.
            readable (np.ndarray): Whether each image could be read, (m, ),
                bool.

        Raises:
            OSError: If there is not enough space for all features.
            ValueError: If a feature is NaN or infinite, or has another width
                than the features before.
        """
        end = begin + len(features)
        if features.shape[1] > 0:
            self._write_rows(begin, features, readable)
        tried = range(begin, end)
        self.unreadable = sorted(
            {row for row in self.unreadable if row not in tried}
            | {begin + int(i) for i in np.flatnonzero(~readable)})
        self.rows_done = max(self.rows_done, end)
        if time.monotonic() - self._noted > SECONDS_BETWEEN_NOTES:
            self.write_note()

    def _write_rows(self, begin, features, readable) -> None:
        finite = np.isfinite(features).all(1) | ~readable
        if not finite.all():
            wrong = (begin + np.flatnonzero(~finite)).tolist()
            raise ValueError(
                f'The teacher gives NaN or infinite features for sample '
                f'{", ".join(map(str, wrong[:10]))}; check its checkpoint, '
                'its data preprocessor and the images.')
        if self._map is None:
            self._create(features.shape[1])
        if features.shape[1] != self._map.shape[1]:
            raise ValueError(
                f'The teacher gives features of {features.shape[1]} '
                f'dimensions for sample {begin}, but gave '
                f'{self._map.shape[1]} before; choose a module whose output '
                'has one width, or images of one size.')
        self._map[begin:begin + len(features)] = np.where(
            readable[:, None], features, 0)

    def write_note(self) -> None:
        """Record the rows that are done, after writing them to the disk."""
        if self._map is not None:
            self._map.flush()
        note = dict(
            rows_done=self.rows_done, unreadable=self.unreadable, job=self.job)
        with atomic_write(self.note) as temporary:
            temporary.write_text(json.dumps(note, indent=1))
        self._noted = time.monotonic()

    def _read_note(self) -> None:
        if not (self.path.exists() and self.note.exists()):
            return
        try:
            note = parse_json(self.note.read_text())
            rows_done, unreadable = note['rows_done'], note['unreadable']
            if type(rows_done) is not int or not (
                    0 <= rows_done <= self.num_samples):
                raise ValueError(f'rows_done is {rows_done!r:.80}')
            if any(type(row) is not int or not 0 <= row < rows_done
                   for row in unreadable):
                raise ValueError(f'unreadable is {unreadable!r:.80}')
            if note['job'] != self.job:
                raise ValueError('the note is of another job')
            self._check_features()
        except Exception as error:  # damaged files can raise any error
            raise ValueError(
                f'{self.path} or {self.note.name} is damaged: {error!r}. '
                'Delete both; the features are computed again then.'
            ) from error
        self.rows_done = rows_done
        self.unreadable = sorted(set(unreadable))
        self._map = np.load(self.path, mmap_mode='r+')

    def _check_features(self) -> None:
        # Not 'r+', with which NumPy fills up a file that has lost its end.
        features = np.load(self.path, mmap_mode='r')
        size = features.offset + features.nbytes
        if self.path.stat().st_size != size:
            raise ValueError(f'the file does not have {size:,} bytes')
        if (features.ndim != 2 or len(features) != self.num_samples
                or features.dtype != self.dtype):
            raise ValueError(f'it has {features.dtype}{features.shape}')

    def _create(self, width: int) -> None:
        # An older note does not describe the new file.
        self.note.unlink(missing_ok=True)
        shape = (self.num_samples, width)
        self._map = np.lib.format.open_memmap(self.path, 'w+', self.dtype,
                                              shape)
        if hasattr(os, 'posix_fallocate'):
            # On a full disk, writing to a memory map kills the process.
            size = self.path.stat().st_size
            with open(self.path, 'r+b') as file:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                except OSError as error:
                    self._map = None
                    self.path.unlink()
                    raise OSError(
                        error.errno,
                        f'Not enough space for the features, {size:,} bytes, '
                        f'in {self.path.parent}: {error.strerror}; give --out '
                        'on another disk') from error
