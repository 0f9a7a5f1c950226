import os
import signal

import mmengine
import pytest
from mmengine.fileio import LocalBackend, put, put_text
from mmengine.hooks import checkpoint_hook

import mmcckd  # noqa: F401


@pytest.mark.parametrize('write, content', [(put, b'new'),
                                            (put_text, 'new')])
def test_files_and_their_folders(write, content, tmp_path):
    path = tmp_path / 'a' / 'b' / 'x.pth'
    write(content, str(path))
    write(content, path)
    assert path.read_text() == 'new'
    assert os.listdir(path.parent) == ['x.pth']


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(b'new', 'x.pth')
    mmengine.dump(dict(a=1), 'x.json')
    assert sorted(os.listdir()) == ['x.json', 'x.pth']


def test_the_encoding(tmp_path):
    LocalBackend().put_text('é', tmp_path / 'x.txt', encoding='latin-1')
    assert (tmp_path / 'x.txt').read_bytes() == b'\xe9'


def test_a_device_is_written_to():
    put(b'x', '/dev/null')
    assert not os.path.isfile('/dev/null')


@pytest.mark.parametrize('name', ['x.pth', 'last_checkpoint'])
def test_a_killed_process_leaves_what_there_was(name, tmp_path, monkeypatch):
    path = tmp_path / name
    path.write_text('before')
    process = os.fork()
    if process == 0:
        monkeypatch.setattr(os, 'fsync',
                            lambda _: os.kill(os.getpid(), signal.SIGKILL))
        if name == 'last_checkpoint':
            with checkpoint_hook.open(str(path), 'w') as file:
                file.write('after')
        else:
            put(b'after', str(path))
    assert os.waitpid(process, 0)[1] == signal.SIGKILL
    assert path.read_text() == 'before'
