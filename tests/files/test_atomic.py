import errno
import io
import os
import signal
import stat

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from mmcckd.files.atomic import (
    atomic_write,
    check_writable,
    remove_partial_files,
)

WRITERS = {
    'x.npy': lambda path: np.save(path, np.arange(3)),
    'x.npz': lambda path: np.savez_compressed(path, x=np.arange(3)),
    'x.png': lambda path: Figure().savefig(path),
    'x.jpg': lambda path: Image.new('RGB', (2, 2)).save(path),
    'x.html': lambda path: path.write_text('<p>é', encoding='utf-8'),
    'x.json': lambda path: path.write_text('{}'),
    'x.pth': lambda path: torch.save(dict(x=torch.ones(2)), path),
    'no_suffix': lambda path: path.write_bytes(b'x'),
}


@pytest.mark.parametrize('name', WRITERS)
def test_files_of_all_kinds(name, tmp_path):
    (tmp_path / 'plain').mkdir()
    WRITERS[name](tmp_path / 'plain' / name)
    with atomic_write(str(tmp_path / name)) as temporary:
        WRITERS[name](temporary)
        assert not (tmp_path / name).exists()
    assert sorted(os.listdir(tmp_path)) == sorted(['plain', name])
    written = (tmp_path / name).read_bytes()
    if name == 'x.pth':  # holds its own name
        assert torch.equal(
            torch.load(io.BytesIO(written))['x'], torch.ones(2))
    else:
        assert written == (tmp_path / 'plain' / name).read_bytes()


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_failed_block_leaves_what_exists(error, tmp_path):
    path = tmp_path / 'x.txt'
    for before in (None, 'before'):
        with pytest.raises(error), atomic_write(path) as temporary:
            temporary.write_text('a part of it')
            raise error
        assert path.exists() == (before is not None)
        path.write_text('before')
    assert os.listdir(tmp_path) == ['x.txt']


def test_two_ranks_at_once(tmp_path):
    path = tmp_path / 'x.json'
    with atomic_write(path, 0) as first, atomic_write(path, 1) as second:
        first.write_text('{}')
        second.write_text('{}')
    assert os.listdir(tmp_path) == ['x.json']
    with atomic_write(path, 1) as left:
        left.write_text('{}')
        os.link(left, tmp_path / 'kept')
    (tmp_path / 'kept').rename(left)  # as a killed process leaves it
    remove_partial_files(tmp_path, '.json')
    assert os.listdir(tmp_path) == ['x.json']


def test_a_block_that_writes_nothing(tmp_path):
    path = tmp_path / 'x.txt'
    path.write_text('before')
    with pytest.raises(FileNotFoundError), atomic_write(path):
        pass
    assert path.read_text() == 'before'


@pytest.mark.parametrize('umask', [0o022, 0o077])
def test_permissions_are_those_of_a_plain_file(umask, tmp_path):
    path = tmp_path / 'x.txt'

    def mode():
        with atomic_write(path) as temporary:
            temporary.write_text('x')
        return stat.S_IMODE(path.stat().st_mode)

    before = os.umask(umask)
    try:
        assert mode() == 0o666 & ~umask
        path.chmod(0o640)  # a plain open keeps it
        assert mode() == 0o640
    finally:
        os.umask(before)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / 'disk').mkdir()
    link = tmp_path / 'x.txt'
    link.symlink_to(tmp_path / 'disk' / 'y.txt')
    with atomic_write(link) as temporary:
        temporary.write_text('new')
    assert link.is_symlink()
    assert (tmp_path / 'disk' / 'y.txt').read_text() == 'new'


def test_what_a_killed_process_leaves_is_overwritten(tmp_path):
    path = tmp_path / 'x.txt'
    path.write_text('before')
    process = os.fork()
    if process == 0:
        with atomic_write(path) as temporary:
            temporary.write_text('a part of it, longer than the next')
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    assert path.read_text() == 'before'
    assert len(os.listdir(tmp_path)) == 2
    with atomic_write(path) as temporary:
        temporary.write_text('after')
    assert path.read_text() == 'after'
    assert os.listdir(tmp_path) == ['x.txt']


def test_a_full_disk(tmp_path):
    path = tmp_path / 'x.txt'
    path.write_text('before')
    with pytest.raises(OSError, match=(
            'x.txt cannot be written: No space left on device, and '
            r'[0-9.]+ MB are free on its disk')) as error:
        with atomic_write(path) as temporary:
            temporary.write_text('a part of it')
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.errno == errno.ENOSPC
    assert path.read_text() == 'before'
    with pytest.raises(OSError, match='No space left'), atomic_write(path):
        try:  # as torch.save does it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            raise RuntimeError('unexpected pos 704 vs 598')
    with pytest.raises(IsADirectoryError), atomic_write(path) as temporary:
        raise IsADirectoryError('another error')


def test_parts_of_files_are_removed(tmp_path):
    others = {'.x.partial.png', '.x.pth', 'x.partial.pth', 'x.pth'}
    for name in others | {'.x.partial.pth', '.y.z.partial.pth'}:
        (tmp_path / name).touch()
    remove_partial_files(tmp_path, '.pth')
    assert set(os.listdir(tmp_path)) == others
    (tmp_path / '.last_checkpoint.partial').touch()
    remove_partial_files(tmp_path, '')
    assert set(os.listdir(tmp_path)) == others


def test_check_writable(tmp_path):
    check_writable(tmp_path / 'new' / 'x.txt')
    assert os.listdir(tmp_path / 'new') == []
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match='x.txt cannot be written: .*place'):
        check_writable(tmp_path / 'file' / 'x.txt')
