import json
import shutil
import zlib
from pathlib import Path
from typing import Callable, ContextManager, List, Optional

import numpy as np
from mmengine.logging import print_log

from mmcckd.files.atomic import atomic_write
from mmcckd.files.json_text import parse_json

from .npy_file import NpyFile
from .record_layout import (
    RecordLayout,
    layout_from_json,
    layout_to_json,
)
from .row_format import RowFormat
from .settings import DTYPES

CHECK = ('Run tools/store_teacher.py CONFIG --check, which finds all damaged '
         'rows and marks them as missing, so that they are computed again.')
BLOCK = 2**24  # bytes that check() reads at once


class SourceFiles:
    """The files of one source: its layout, its rows and their checksums.

    The folder of a source has three files. ``layout.json`` says how a record
    is built from a row. ``rows.npy``, (views, num_samples), has a row for each
    view and sample, which contains all leaves. ``checksums.npy``,
    (views, num_samples), uint32, is 0 where a row is missing, and otherwise
    the CRC-32 of its bytes, or 1 if that is 0.

    A row is written before its checksum. So whatever ends a process, a row
    that is not complete is missing. After a power failure, when the disk may
    have a checksum without its row, the two do not fit.

    Args:
        folder (Path): The folder, from :meth:`create`.
        views (int): Number of views.
        num_samples (int): Number of samples.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If the layout is damaged.
    """

    def __init__(self, folder: Path, views: int, num_samples: int) -> None:
        self.folder = folder
        self.views = views
        self.num_samples = num_samples
        path = folder / 'layout.json'
        try:
            content = dict(parse_json(path.read_text()))
            self.source = content.pop('source')
            self.dtype = content.pop('dtype')
            if self.dtype not in DTYPES:
                raise ValueError(f'dtype is {self.dtype!r:.80}')
            self.layout = layout_from_json(content)
            self.format = RowFormat(self.layout, self.dtype)
        except (FileNotFoundError, AttributeError, KeyError, TypeError,
                ValueError) as error:
            raise ValueError(
                f'{path} is damaged: {error!r}. Delete the folder {folder}; '
                'its rows are computed again then.') from error
        shape = (views, num_samples)
        self.rows = NpyFile(folder / 'rows.npy', self.format.dtype, shape)
        self.checksums = NpyFile(folder / 'checksums.npy', np.uint32, shape)
        self._map: Optional[np.ndarray] = None

    def __reduce__(self):
        return SourceFiles, (self.folder, self.views, self.num_samples)

    @classmethod
    def create(cls, folder: Path, source: str, layout: RecordLayout,
               dtype: str, views: int, num_samples: int) -> None:
        """Create the folder with all rows missing, completely or not at all.

        Raises:
            OSError: If there is not enough space.
        """
        partial = folder.with_name(f'.{folder.name}.partial')
        shutil.rmtree(partial, ignore_errors=True)  # of a killed process
        partial.mkdir()
        try:
            with atomic_write(partial / 'layout.json') as temporary:
                temporary.write_text(
                    json.dumps(
                        dict(
                            source=source,
                            dtype=dtype,
                            **layout_to_json(layout)),
                        indent=1))
            files = cls(partial, views, num_samples)
            files.checksums.create()
            files.rows.create()
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def stored(self, rows: np.ndarray) -> np.ndarray:
        """Whether rows are stored, (n, ), bool."""
        return self._checksums()[rows] != 0

    def count(self) -> int:
        """Number of rows that are stored."""
        self._checksums()  # or an error
        # A new map, whose pages do not stay in the memory of this process.
        checksums = self.checksums.map()
        return sum(
            int(np.count_nonzero(checksums[part]))
            for part in self.checksums.written())

    def _checksums(self) -> np.ndarray:
        """The checksums as a memory map; opening it checks both files."""
        if self._map is None:
            for file in (self.checksums, self.rows):
                problem = file.problem()
                if problem is not None:
                    raise ValueError(f'{file.path} {problem}. {CHECK}')
            try:
                self._map = self.checksums.map()
            except OSError as error:
                raise OSError(
                    error.errno,
                    f'{self.checksums.path} cannot be opened as a memory map: '
                    f'{error.strerror}; put the teacher store on a file '
                    'system with memory maps, such as a local disk') from error
        return self._map

    def encode(self, leaves: List[np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Convert leaves to rows, (n, ), before they are written.

        Raises:
            ValueError: If the shapes of leaves are not those of the layout, or
                a number is NaN, infinite, or too large for the type.
        """
        for leaf in leaves:
            self._check_numbers(leaf, rows)
        try:
            return self.format.encode(leaves)
        except ValueError as error:
            raise ValueError(f'{self.source} has {error}.') from error

    def _check_numbers(self, leaf: np.ndarray, rows: np.ndarray) -> None:
        axes = tuple(range(1, leaf.ndim))
        largest = np.abs(leaf).max(axes, initial=0)
        limit = np.finfo(self.dtype).max
        wrong = np.flatnonzero(~(largest <= limit))  # NaN is wrong
        if not len(wrong):
            return
        view, sample = divmod(int(rows[wrong[0]]), self.num_samples)
        value = largest[wrong[0]]
        if not np.isfinite(value):
            raise ValueError(
                f'The teacher gives NaN or infinite values in {self.source} '
                f'for view {view} of sample {sample}; check its checkpoint, '
                'its data preprocessor and the images.')
        raise ValueError(
            f'{self.source} has the value {value:.6g} for view {view} of '
            f'sample {sample}, but {self.dtype} holds numbers up to '
            f"{limit:.6g}; set teacher_store.dtype='float32' and give another "
            'path.')

    def write(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Write those of the rows that are missing, while no other process
        writes.

        Args:
            rows (np.ndarray): (n, ), may contain a row several times.
            values (np.ndarray): From :meth:`encode`, (n, ).

        Raises:
            OSError: If they cannot be written.
        """
        rows, first = np.unique(rows, return_index=True)
        missing = ~self.stored(rows)
        rows, values = rows[missing], values[first[missing]]
        if len(rows):
            self.rows.write(rows, values)
            self.checksums.write(rows, checksum(values))

    def read(self, rows: np.ndarray) -> List[np.ndarray]:
        """Read the leaves of rows, float32.

        Raises:
            ValueError: If a row is missing or damaged, or does not fit the
                layout.
        """
        expected = self._checksums()[rows]
        values = self.rows.read(rows)
        wrong = np.flatnonzero(checksum(values) != expected)
        if len(wrong):
            view, sample = divmod(int(rows[wrong[0]]), self.num_samples)
            row = f'{self.rows.path}, view {view} of sample {sample}'
            if not expected[wrong[0]]:
                raise ValueError(f'{row}: this row is not stored.')
            raise ValueError(
                f'{row}: this row is damaged, since it does not fit its '
                f'checksum in {self.checksums.path.name}. {CHECK}')
        try:
            return self.format.decode(values)
        except IndexError as error:  # a class that the shape does not have
            raise ValueError(
                f'{self.rows.path} does not fit layout.json beside it, which '
                f'is damaged: {error}. Delete the folder; its rows are '
                'computed again then.') from error

    def read_ahead(self, rows: np.ndarray) -> None:
        """Let the operating system read rows, without waiting for it."""
        self.rows.read_ahead(rows)

    def check(self, lock: Callable[[], ContextManager],
              progress: Callable[[int], None]) -> int:
        """Verify all rows, and mark those that are damaged as missing.

        Args:
            lock (Callable[[], ContextManager]): Context in which no other
                process writes.
            progress (Callable[[int], None]): Is called with the number of
                rows that were verified since its last call.

        Returns:
            int: Number of damaged rows.

        Raises:
            ValueError: If a file is a complete array of another shape or type.
        """
        with lock():
            self._check_description()
            for file in (self.checksums, self.rows):
                problem = file.problem()
                if problem is not None:
                    file.restore()
                    print_log(f'{file.path} {problem}. It was restored; rows '
                              'that were lost are missing.', 'current')
            self._map = None  # of the file before
        damaged = 0
        total = self.views * self.num_samples
        step = max(1, BLOCK // self.format.dtype.itemsize)
        for begin in range(0, total, step):
            block = np.arange(begin, min(begin + step, total))
            rows = self._damaged(block)
            if len(rows):
                with lock():
                    rows = self._damaged(rows)
                    self.checksums.write(rows,
                                         np.zeros(len(rows), np.uint32))
                damaged += len(rows)
            progress(len(block))
        return damaged

    def _check_description(self) -> None:
        """Raise an error before complete files would be cut off or extended
        because what describes them is damaged."""
        for file in (self.checksums, self.rows):
            other = file.other_array()
            if other:
                raise ValueError(
                    f'{file.path} is a complete array of {other}, but '
                    f'layout.json beside it and store.json stand for shape '
                    f'{file.shape} and type {file.dtype}: one of these two is '
                    'damaged. Nothing was changed. Correct it, or delete the '
                    'teacher store; its rows are computed again then.')

    def _damaged(self, rows: np.ndarray) -> np.ndarray:
        expected = self._checksums()[rows]
        rows, expected = rows[expected != 0], expected[expected != 0]
        return rows[checksum(self.rows.read(rows)) != expected]


def checksum(values: np.ndarray) -> np.ndarray:
    """The CRC-32 of each row, or 1 if that is 0, (n, ), uint32."""
    lines = np.ascontiguousarray(values).view(np.uint8)
    lines = lines.reshape(len(values), values.dtype.itemsize)
    return np.array([zlib.crc32(line) or 1 for line in lines], np.uint32)
