"""Content of files that would leave a trace if reading them ran code."""
import os
import sys
from pathlib import Path


class Trace:
    """A path that does not exist, unless code of a payload is run.

    Args:
        folder (Path): An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / 'trace'
        # For text in which dots, quotes or spaces would not do.
        self.code = f'__import__("os").mkdir({str(self.path)!r})'

    def __reduce__(self):
        """Pickled, it is a call that leaves the trace."""
        return os.mkdir, (str(self.path), )

    def module(self, name: str, folder: Path) -> str:
        """Write a module that leaves the trace when it is imported."""
        (folder / f'{name}.py').write_text(
            f'import os\nos.makedirs({str(self.path)!r}, exist_ok=True)\n')
        sys.modules.pop(name, None)
        return name

    def package(self, name: str, folder: Path) -> str:
        """As :meth:`module`, for a package with a ``registry`` module."""
        (folder / name).mkdir()
        self.module('__init__', folder / name)
        self.module('registry', folder / name)
        self.module('utils', folder / name)
        return name

    @property
    def is_left(self) -> bool:
        return self.path.exists()
