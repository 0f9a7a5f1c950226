import errno
import fcntl
import os
import signal
import time

import pytest

from mmcckd.files.locks import file_lock


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'new' / '.lock'


@pytest.fixture
def other_process(path):
    """Another process that holds the lock; gives its id."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        with file_lock(path, 'never'):
            os.write(writer, b'x')
            time.sleep(60)
        os._exit(0)
    os.read(reader, 1)  # until it holds the lock
    yield process
    try:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    except ProcessLookupError:
        pass


def test_another_process_is_refused_until_it_ends(path, other_process):
    with pytest.raises(ValueError, match='^Wait for the other.$'):
        with file_lock(path, 'Wait for the other.'):
            raise AssertionError
    start = time.monotonic()
    with pytest.raises(ValueError, match='other'):
        with file_lock(path, 'Wait for the other.', timeout=0.3):
            raise AssertionError
    assert 0.3 <= time.monotonic() - start < 5
    os.kill(other_process, signal.SIGKILL)
    with file_lock(path, 'never', timeout=5):
        pass
    os.waitpid(other_process, 0)


def test_is_released_by_errors(path):
    for _ in range(2):
        with pytest.raises(KeyError), file_lock(path, 'never'):
            raise KeyError
    with pytest.raises(TimeoutError):  # is the block's own
        with file_lock(path, 'never'):
            raise TimeoutError


def test_a_forked_process_that_ends_does_not_release_it(path):
    with file_lock(path, 'never'):
        process = os.fork()
        if process == 0:
            os._exit(0)
        os.waitpid(process, 0)
        with open(path) as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_is_released_though_a_forked_process_lives(path):
    """As the workers of a data loader do."""
    with file_lock(path, 'never'):
        process = os.fork()
        if process == 0:
            time.sleep(60)
    try:
        with file_lock(path, 'held by the forked process'):
            pass
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


@pytest.mark.parametrize('code', [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks(code, path, monkeypatch):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, 'flock', refuse)
    with pytest.raises(OSError, match=os.strerror(code)):
        with file_lock(path, 'never'):
            raise AssertionError
