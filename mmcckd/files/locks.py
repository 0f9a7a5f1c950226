from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

from filelock import FileLock, Timeout

# filelock's own 0.05 s would be long for those who wait for a short write.
SECONDS_BETWEEN_TRIES = 0.002


@contextmanager
def file_lock(path: Union[str, Path],
              message: str,
              timeout: float = 0.) -> Iterator[None]:
    """Let only one process at a time run a block.

    The operating system releases the lock when the process ends, also when it
    is killed. The lock's file stays.

    Args:
        path (str | Path): The lock's file; its folder is made if need be.
        message (str): What to say if another process holds the lock.
        timeout (float): Seconds to wait for it. Defaults to 0.

    Raises:
        OSError: If the file system has no locks.
        ValueError: If another process holds the lock after ``timeout``.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # A file system without locks is an error: filelock's replacement for them
    # stays locked when its holder is killed.
    lock = FileLock(path, timeout=timeout, fallback_to_soft=False)
    try:
        lock.acquire(poll_interval=SECONDS_BETWEEN_TRIES)
    except Timeout:
        raise ValueError(message) from None
    try:
        yield
    finally:
        lock.release()
