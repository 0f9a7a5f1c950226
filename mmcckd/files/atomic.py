"""Write files completely or not at all."""
import errno
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Optional, Union

# Errors of a full disk, an exceeded quota, and the limit of "ulimit -f".
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_write(path: Union[str, Path], rank: int = 0) -> Iterator[Path]:
    """Write a file completely or not at all.

    The block writes to a temporary file beside ``path``. When the block ends,
    the temporary file is flushed to the disk and replaces ``path``. If the
    block raises an error, ``path`` is unchanged and the temporary file is
    removed. What a killed process leaves is overwritten the next time; see
    also :func:`remove_partial_files`.

    The temporary file is created by the block, with the permissions that any
    new file gets; those of a file that is replaced are kept. Its name ends
    with the suffix of ``path``, which ``np.save`` and others go by. If
    ``path`` is a symbolic link, the file that it points to is replaced.

    Only one process of a rank at a time may write to a path.

    Args:
        path (str | Path): The file to write, in a folder that exists.
        rank (int): Rank of this process. Each has a temporary file of its own,
            and the last one to finish replaces ``path``. Defaults to 0.

    Yields:
        Path: The temporary file.

    Raises:
        OSError: If the disk is full, among others.

    Example:
        >>> with atomic_write('features.npz') as temporary:
        ...     np.savez(temporary, features=features)
    """
    target = Path(os.path.realpath(path))
    temporary = _partial(target, rank)
    try:
        yield temporary
        with open(temporary, 'rb+') as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
        _flush_folder(target.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        number = _disk_error(error)
        if number is not None:
            free = shutil.disk_usage(target.parent).free / 2**20
            raise OSError(
                number, f'{path} cannot be written: {os.strerror(number)}, '
                f'and {free:.1f} MB are free on its disk. Files that existed '
                'before are unchanged. Free some space, or raise the limit, '
                'and repeat the command; a training continues with '
                '--resume.') from error
        raise


def remove_partial_files(folder: Union[str, Path], suffix: str) -> None:
    """Remove what killed processes left of :func:`atomic_write`.

    Args:
        folder (str | Path): A folder, to which no other process writes.
        suffix (str): The suffix of the files, such as ".pth".
    """
    for path in Path(folder).glob(f'.*.partial{suffix}'):
        path.unlink(missing_ok=True)


def check_writable(path: Union[str, Path]) -> None:
    """Raise an error if a file cannot be written, before the work for it.

    Args:
        path (str | Path): The file; its folder is made if need be.

    Raises:
        ValueError: If the folder cannot be made or written to.
    """
    path = Path(path)
    probe = _partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f'{path} cannot be written: {error}; give another '
                         'place.') from error


def _partial(path: Path, rank: int = 0) -> Path:
    of_rank = f'.rank{rank}' if rank else ''
    return path.with_name(f'.{path.stem}{of_rank}.partial{path.suffix}')


def _disk_error(error: Optional[BaseException]) -> Optional[int]:
    """The number of the error of the disk that another error may follow."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error.errno
        error = error.__cause__ or error.__context__
    return None


def _flush_folder(folder: Path) -> None:
    """Make the new name of a file durable, where folders can be flushed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
