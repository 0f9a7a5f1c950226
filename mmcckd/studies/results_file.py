"""What runs measured: a file of JSON lines, and its one writer."""
import fcntl
import os
from pathlib import Path
from typing import Dict, Iterable

from .run import Result


class ResultsFile:
    """Results by the keys of their runs, in a file that only grows.

    Args:
        path (Path): The file; it need not be there.

    Raises:
        ValueError: If a line of it is damaged, or stands for a run of which
            another line says something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.results: Dict[str, Result] = {}
        text = self.path.read_text() if self.path.exists() else ''
        for number, line in enumerate(text.splitlines(), 1):
            try:
                result = Result.from_json(line)
            except ValueError as error:
                raise ValueError(
                    f'{self.path}:{number} is damaged: {error}. Mend or '
                    'delete this line; what is deleted is run again.'
                ) from error
            key = result.run.key
            if key in self.results:
                raise ValueError(
                    f'{self.path}:{number} is about the same run as a line '
                    f'before it ({result.run.config}, seed '
                    f'{result.run.seed}); delete one of them.')
            self.results[key] = result
        if text and not text.endswith('\n'):
            raise ValueError(f'{self.path}:{number} does not end; add a '
                             'newline, or delete the line.')

    def append(self, result: Result) -> None:
        """Add a result, which is on the disk when this returns."""
        self.results[result.run.key] = result
        with open(self.path, 'a') as file:
            file.write(result.to_json() + '\n')  # in one piece: it is short
            file.flush()
            os.fsync(file.fileno())


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write a file anew, whole or not at all, in the order given."""
    partial = path.with_suffix('.partial')
    partial.write_text(''.join(result.to_json() + '\n' for result in results))
    partial.replace(path)


class FolderLock:
    """Held by the one study that may write to a folder.

    Args:
        folder (Path): It is made if need be.

    Raises:
        ValueError: On entering, if another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def __enter__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = open(self.folder / '.lock', 'a')
        try:
            # Ends with the process, however that ends.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise ValueError(
                f'Another study is writing to {self.folder}; wait for it, or '
                'give another --work-dir.') from None

    def __exit__(self, *_) -> None:
        self._file.close()
