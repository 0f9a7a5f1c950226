"""The results of runs, in a file of JSON lines."""
import os
from pathlib import Path
from typing import Dict, Iterable

from mmcckd.files.atomic import atomic_write

from .run import Result


class ResultsFile:
    """Results by the keys of their runs, in a file that results are added to.

    Args:
        path (Path): The file; it need not exist.

    Raises:
        ValueError: If a line is damaged, or is about the same run as another.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.results: Dict[str, Result] = {}
        content = self.path.read_bytes() if self.path.exists() else b''
        *lines, rest = content.split(b'\n')
        for number, line in enumerate([*lines, rest] if rest else lines, 1):
            try:
                result = Result.from_json(line.decode())
            except ValueError as error:
                raise ValueError(
                    f'{self.path}:{number} is damaged: {error}. Correct or '
                    'delete this line; runs whose lines are deleted are run '
                    'again.') from error
            key = result.run.key
            if key in self.results:
                raise ValueError(
                    f'{self.path}:{number} is about the same run as a line '
                    f'before it ({result.run.config}, seed '
                    f'{result.run.seed}); delete one of them.')
            self.results[key] = result
        if rest:
            raise ValueError(f'{self.path}:{number} does not end; add a '
                             'newline, or delete the line.')

    def append(self, result: Result) -> None:
        """Add a result, which is on the disk when this returns.

        The first result of a run is kept: a teacher that is trained again,
        since its files were deleted, has one already.
        """
        if result.run.key in self.results:
            return
        self.results[result.run.key] = result
        with open(self.path, 'a') as file:
            file.write(result.to_json() + '\n')  # one call: the line is short
            file.flush()
            os.fsync(file.fileno())


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write a new file of results, in the order given."""
    with atomic_write(path) as temporary:
        temporary.write_text(''.join(result.to_json() + '\n'
                                     for result in results))
