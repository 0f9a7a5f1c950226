import os
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, Sequence
from urllib.parse import quote, unquote

import numpy as np
from mmengine.logging import print_log

from mmcckd.files.locks import file_lock

from .disk_space import DiskSpace
from .identity import differences, open_identity
from .record_layout import RecordLayout, layout_to_json
from .row_format import RowFormat
from .settings import StoreSettings
from .source_files import SourceFiles

SECONDS_TO_LOCK = 600.


class TeacherStore:
    """What a teacher's recorders recorded of each view of each sample.

    The store is a folder. ``store.json`` says what it belongs to, and for each
    source, such as ``ModuleOutputs:head.fc``, there is a folder
    (:class:`.SourceFiles`). Sources can be added at any time, also by several
    processes at once.

    Several processes may read and write at once. Writing is done under a lock;
    rows that are stored are never changed, so reading needs no lock, and no
    permission to write. A row is read only if its checksum fits, whatever
    happened to the process that wrote it. Processes on several machines may
    share a store if the file system has locks that hold between machines, and
    if its memory maps and reads show what other machines wrote (they are
    coherent), as with Lustre, GPFS or CephFS. NFS does not promise this: fill
    the store from one machine, and read it from others afterwards.

    A store can be pickled, and be used after a fork.

    Args:
        settings (StoreSettings): Path, views, seed and type of the store.
        num_samples (int): Number of samples of the data set.
        identity (Dict[str, Any]): What decides the content of the rows, by
            name, in JSON types.

    Raises:
        OSError: If the file system has no locks or cannot be written to, or
            on Windows.
        ValueError: If the store in the folder belongs to something else, or
            the folder contains other files.
    """

    def __init__(self, settings: StoreSettings, num_samples: int,
                 identity: Dict[str, Any]) -> None:
        if not hasattr(os, 'preadv'):
            raise OSError('A teacher store needs Linux or macOS: this '
                          'operating system has no preadv.')
        self.settings = settings
        self.path = Path(settings.path)
        self.views = settings.views
        self.num_samples = num_samples
        self.identity = open_identity(
            self.path,
            dict(
                identity,
                seed=settings.seed,
                views=settings.views,
                num_samples=num_samples), self._lock)
        self._sources: Dict[str, SourceFiles] = {}

    @classmethod
    def open(cls, path: str) -> 'TeacherStore':
        """Open a store from its folder alone, whatever it belongs to.

        Args:
            path (str): The folder.

        Raises:
            ValueError: If there is no store.
        """
        identity = open_identity(Path(path))
        settings = StoreSettings(
            str(path), views=identity['views'], seed=identity['seed'])
        return cls(settings, identity['num_samples'], identity)

    @property
    def layouts(self) -> Dict[str, RecordLayout]:
        """The layouts of all sources in the store, by source."""
        names = sorted(
            unquote(path.parent.name)
            for path in self.path.glob('[!.]*/layout.json'))
        return {name: self._files(name).layout for name in names}

    def add(self, layouts: Dict[str, RecordLayout]) -> None:
        """Add sources, or check those that the store has already.

        Args:
            layouts (Dict[str, RecordLayout]): Layouts by source.

        Raises:
            OSError: If there is not enough space, or the file system has no
                memory maps.
            ValueError: If the store has a source with another layout or type,
                or is damaged.
        """
        if not all(self._folder(source).exists() for source in layouts):
            with self._lock():
                new = {
                    source: layout
                    for source, layout in layouts.items()
                    if not self._folder(source).exists()
                }
                if new:  # no other process has created them
                    self._create(new)
        for source, layout in layouts.items():
            files = self._files(source)
            found = differences(
                dict(layout_to_json(files.layout), dtype=files.dtype),
                dict(layout_to_json(layout), dtype=self.settings.dtype))
            if found:
                raise ValueError(
                    f'The teacher store {self.path} has {source} in another '
                    f'form: {"; ".join(found)}. Use the same settings, or '
                    'give another path.')
            files.stored(np.arange(1))  # opens them, or an error

    def _create(self, layouts: Dict[str, RecordLayout]) -> None:
        sizes = {
            source: RowFormat(layout, self.settings.dtype).dtype.itemsize
            for source, layout in layouts.items()
        }
        space = DiskSpace(self.path, sizes, self.views, self.num_samples)
        space.check()
        print_log(f'{space.text}.', 'current')
        for source, layout in layouts.items():
            try:
                SourceFiles.create(
                    self._folder(source), source, layout, self.settings.dtype,
                    self.views, self.num_samples)
            except OSError as error:
                raise space.error(error) from error

    def missing(self, views: np.ndarray, samples: np.ndarray,
                sources: Sequence[str]) -> np.ndarray:
        """Find rows that are not stored.

        Args:
            views (np.ndarray): View of each row, (n, ).
            samples (np.ndarray): Sample of each row, (n, ).
            sources (Sequence[str]): Sources.

        Returns:
            np.ndarray: Whether the row of any of the sources is missing,
            (n, ), bool.
        """
        rows = self._rows(views, samples)
        missing = np.zeros(len(rows), bool)
        for source in sources:
            missing |= ~self._files(source).stored(rows)
        return missing

    def write(self, views: np.ndarray, samples: np.ndarray,
              leaves: Dict[str, List[np.ndarray]]) -> None:
        """Write rows; those that are stored already stay as they are.

        Args:
            views (np.ndarray): View of each row, (n, ).
            samples (np.ndarray): Sample of each row, (n, ).
            leaves (Dict[str, List[np.ndarray]]): By source, its leaves, each
                of shape (n, \\*leaf shape). With ``top_k``, all logits.

        Raises:
            OSError: If they cannot be written.
            ValueError: If the shapes are not those of the layout, or a number
                is NaN, infinite, or too large for the type of the store.
        """
        rows = self._rows(views, samples)
        values = {
            source: self._files(source).encode(parts, rows)
            for source, parts in leaves.items()
        }
        with self._lock():
            for source, value in values.items():
                self._files(source).write(rows, value)

    def read(self, views: np.ndarray, samples: np.ndarray,
             sources: Sequence[str]) -> Dict[str, List[np.ndarray]]:
        """Read rows.

        Args:
            views (np.ndarray): View of each row, (n, ).
            samples (np.ndarray): Sample of each row, (n, ).
            sources (Sequence[str]): Sources.

        Returns:
            Dict[str, List[np.ndarray]]: The leaves of each source, float32,
            each of shape (n, \\*leaf shape).

        Raises:
            ValueError: If a row is missing or damaged.
        """
        rows = self._rows(views, samples)
        return {source: self._files(source).read(rows) for source in sources}

    def read_ahead(self, views: np.ndarray, samples: np.ndarray) -> None:
        """Let the operating system read rows of all sources that this store
        has used, without waiting for it.

        Args:
            views (np.ndarray): View of each row, (n, ).
            samples (np.ndarray): Sample of each row, (n, ).
        """
        rows = self._rows(views, samples)
        for files in self._sources.values():
            files.read_ahead(rows)

    def filled(self) -> Dict[str, float]:
        """Compute the fraction of rows that are stored, by source."""
        rows = self.views * self.num_samples
        return {
            source: self._files(source).count() / rows
            for source in self.layouts
        }

    def check(self, progress: Callable[[int], None] = lambda rows: None
              ) -> Dict[str, int]:
        """Verify all rows, and mark those that are damaged as missing.

        Other processes should not use the store at the same time, if it is
        damaged.

        Args:
            progress (Callable[[int], None]): Is called with the number of
                rows that were verified since its last call: in all, views ×
                samples × sources.

        Returns:
            Dict[str, int]: Number of damaged rows by source.

        Raises:
            ValueError: If complete files have another shape or type than
                store.json and layout.json say.
        """
        return {
            source: self._files(source).check(self._lock, progress)
            for source in self.layouts
        }

    def _rows(self, views: np.ndarray, samples: np.ndarray) -> np.ndarray:
        views = np.asarray(views, np.int64)
        samples = np.asarray(samples, np.int64)
        for name, numbers, end in (('view', views, self.views),
                                   ('sample', samples, self.num_samples)):
            wrong = (numbers < 0) | (numbers >= end)
            if wrong.any():
                raise ValueError(
                    f'The teacher store {self.path} has no {name} '
                    f'{numbers[wrong][0]}: there are {end:,}, from 0 to '
                    f'{end - 1}.')
        return views * self.num_samples + samples

    def _folder(self, source: str) -> Path:
        return self.path / quote(source, safe='')

    def _files(self, source: str) -> SourceFiles:
        if source not in self._sources:
            folder = self._folder(source)
            if not folder.exists():
                raise ValueError(
                    f'The teacher store {self.path} has no {source}; it has '
                    f'{", ".join(self.layouts) or "nothing"}.')
            self._sources[source] = SourceFiles(folder, self.views,
                                                self.num_samples)
        return self._sources[source]

    def _lock(self) -> ContextManager:
        return file_lock(
            self.path / '.lock', f'Other processes have been writing into the '
            f'teacher store {self.path} for {SECONDS_TO_LOCK:.0f} s without a '
            'break; stop them, or give another path.', SECONDS_TO_LOCK)
