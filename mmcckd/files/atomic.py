import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union


@contextmanager
def atomic_write(path: Union[str, Path]) -> Iterator[Path]:
    """Write a file completely or not at all.

    The block writes to a temporary file beside ``path``. When the block ends,
    the temporary file is flushed to the disk and replaces ``path``. If the
    block raises an error, ``path`` is unchanged and the temporary file is
    removed. What a killed process leaves is overwritten the next time.

    The temporary file is created by the block, with the permissions that any
    new file gets; those of a file that is replaced are kept. Its name ends
    with the suffix of ``path``, which ``np.save`` and others go by. If
    ``path`` is a symbolic link, the file that it points to is replaced.

    Only one process at a time may write to a path.

    Args:
        path (str | Path): The file to write, in a folder that exists.

    Yields:
        Path: The temporary file.

    Example:
        >>> with atomic_write('features.npz') as temporary:
        ...     np.savez(temporary, features=features)
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f'.{target.stem}.partial{target.suffix}')
    try:
        yield temporary
        with open(temporary, 'rb+') as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path: Union[str, Path]) -> None:
    """Raise an error if a file cannot be written, before the work for it.

    Args:
        path (str | Path): The file; its folder is made if need be.

    Raises:
        ValueError: If the folder cannot be made or written to.
    """
    path = Path(path)
    probe = path.with_name(f'.{path.stem}.partial{path.suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f'{path} cannot be written: {error}; give another '
                         'place.') from error
