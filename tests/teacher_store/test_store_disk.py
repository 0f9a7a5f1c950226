import errno
import fcntl
import os
import resource
import shutil
from collections import namedtuple
from unittest import mock

import numpy as np
import pytest

from mmcckd.teacher_store import RecordLayout, TeacherStore
from mmcckd.teacher_store.disk_space import in_units

from .conftest import FC, NECK, SAMPLES, VIEWS

Usage = namedtuple('Usage', 'total used free')
# Without the headers of the files.
NEEDED = VIEWS * SAMPLES * (8 * 2 + 10 * 2 + 2 * 4)


def free(monkeypatch, size):
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: Usage(10**9, 0, size))


def test_the_space_is_told(make_store, monkeypatch, log):
    free(monkeypatch, NEEDED)
    make_store()
    assert ('needs 6.6 kB for 3 views of 50 samples (ModuleOutputs:neck 16 '
            'bytes, ModuleOutputs:head.fc 20 bytes a row); 6.6 kB are free'
            ) in log.text
    log.clear()
    make_store()  # needs nothing more
    assert 'needs' not in log.text


def test_too_little_space(make_store, monkeypatch, tmp_path):
    free(monkeypatch, NEEDED - 1)
    with pytest.raises(OSError, match='needs 6.6 kB .* use fewer views, '
                       'dtype=.*, top_k .*, or a path on another disk'):
        make_store()
    names = {path.name for path in (tmp_path / 'store').iterdir()}
    assert names == {'.lock', 'store.json'}
    free(monkeypatch, NEEDED)
    make_store()


def test_the_space_is_reserved(make_store, tmp_path):
    make_store(num_samples=10_000)
    for path in (tmp_path / 'store').rglob('*.npy'):
        status = path.stat()
        assert status.st_blocks * 512 >= status.st_size > 100_000


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EDQUOT])
def test_space_that_cannot_be_reserved(make_store, tmp_path, monkeypatch,
                                       code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, 'posix_fallocate', refuse)
        with pytest.raises(OSError, match='cannot be reserved: '
                           f'{os.strerror(code)}; use fewer views') as error:
            make_store()
    assert error.value.errno == code
    names = {path.name for path in (tmp_path / 'store').iterdir()}
    assert names == {'.lock', 'store.json'}
    make_store()


def test_a_limit_of_file_sizes(make_store, leaves, tmp_path):
    """A real one: the operating system's, in a process of its own."""
    process = os.fork()
    if process == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        try:
            make_store()
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    assert os.WEXITSTATUS(status) == errno.EFBIG
    make_store().write([0], [0], leaves(1))


def test_a_disk_that_becomes_full(make_store, leaves, monkeypatch):
    """Where space cannot be reserved."""
    store = make_store()
    count = 0

    def write(*args):
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_(*args)

    write_ = os.pwrite
    rows = np.zeros(5, np.int64), np.arange(5)
    with monkeypatch.context() as patch:
        patch.setattr(os, 'pwrite', write)
        with pytest.raises(OSError, match='No space.*: .*rows.npy'):
            store.write(*rows, leaves(5))
    assert store.missing(*rows, [NECK]).all()
    store.write(*rows, leaves(5))  # not locked
    assert not store.missing(*rows, [NECK, FC]).any()


def test_a_disk_that_cannot_be_read(make_store, leaves, monkeypatch):
    store = make_store()
    store.write([0], [0], leaves(1))
    monkeypatch.setattr(
        os, 'preadv',
        mock.Mock(side_effect=OSError(errno.EIO, os.strerror(errno.EIO))))
    with pytest.raises(OSError, match='Input/output error: .*rows.npy'):
        store.read([0], [0], [NECK, FC])


def test_a_row_is_written_in_parts(make_store, leaves, monkeypatch):
    store = make_store()
    write = os.pwrite
    monkeypatch.setattr(os, 'pwrite', lambda file, data, offset: write(
        file, data[:7], offset))
    store.write([0, 1], [0, 1], leaves(2))
    store.read([0, 1], [0, 1], [NECK, FC])


def test_windows(make_store, monkeypatch, tmp_path):
    monkeypatch.delattr(os, 'preadv')
    with pytest.raises(OSError, match='needs Linux or macOS'):
        make_store()
    assert not (tmp_path / 'store').exists()


@pytest.mark.parametrize('code', [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks(code, make_store, monkeypatch):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, 'flock', refuse)
    with pytest.raises(OSError, match='cannot be created: .*; put it on a file'
                       ' system that can be written to and has locks'):
        make_store()


def test_a_file_system_without_memory_maps(make_store, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    monkeypatch.setattr(np, 'memmap', refuse)
    with pytest.raises(OSError, match='checksums.npy cannot be opened as a '
                       'memory map: .*; put the teacher store on a file'):
        make_store()


def test_a_full_store_is_read_without_permission_to_write(
        make_store, leaves, tmp_path):
    """And without locks."""
    store = make_store()
    store.write([0], [0], leaves(1))
    denied = mock.Mock(side_effect=OSError(errno.EROFS, 'Read-only'))
    with mock.patch.multiple(
            os, pwrite=denied, mkdir=denied), mock.patch.object(
                fcntl, 'flock', denied):
        store = make_store()
        assert not store.missing([0], [0], [NECK, FC]).any()
        store.read([0], [0], [NECK, FC])
        TeacherStore.open(str(tmp_path / 'store')).filled()
        with pytest.raises(OSError, match='Read-only'):
            store.write([0], [1], leaves(1))


def test_a_store_of_the_size_of_imagenet(make_store, monkeypatch):
    """It is not read when it is opened: its files would be too large here.

    Their space is not reserved, and they have holes."""
    monkeypatch.delattr(os, 'posix_fallocate')
    free(monkeypatch, 10**13)
    layouts = {'a': RecordLayout(0, [(3048, )])}
    samples = 1_281_167
    for _ in range(2):
        store = make_store(num_samples=samples, views=100, add=())
        store.add(layouts)
        assert store.missing([99], [samples - 1], ['a']).item() == (_ == 0)
        store.write([99], [samples - 1],
                    {'a': [np.ones((1, 3048), np.float32)]})
    assert store.read([99], [samples - 1], ['a'])['a'][0].sum() == 3048


@pytest.mark.parametrize('size, text', [(0, '0 bytes'), (999, '999 bytes'),
                                        (1000, '1 kB'), (7.81e9, '7.81 GB'),
                                        (2.5e15, '2.5e+03 TB')])
def test_units(size, text):
    assert in_units(size) == text


@pytest.mark.parametrize('seek', [
    os.lseek,
    mock.Mock(side_effect=OSError(errno.EINVAL, 'A file system without it'))
])
def test_rows_are_counted(make_store, leaves, monkeypatch, seek):
    """Far apart, in a file most of which was never written."""
    store = make_store(num_samples=200_000)
    assert store.filled() == {NECK: 0, FC: 0}
    samples = np.array([0, 1, 99_999, 150_000, 199_999] * 2)
    store.write([0] * 5 + [2] * 5, samples, leaves(10))
    monkeypatch.setattr(os, 'lseek', seek)
    assert store.filled() == dict.fromkeys([NECK, FC], 10 / 600_000)
