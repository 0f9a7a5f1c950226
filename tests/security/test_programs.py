"""Files that torch would load as programs."""
import os
import pickle
import tarfile
import warnings
from typing import Tuple

import pytest
import torch

from mmcckd.files.checkpoints import read_checkpoint
from mmcckd.files.safe_loading import refuse_programs
from tests.malicious import Trace


class Writer(torch.nn.Module):
    """Writes a file when it is loaded."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    @torch.jit.export
    def __getstate__(self) -> Tuple[str, bool]:
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: Tuple[str, bool]) -> None:
        self.path = state[0]
        self.training = state[1]
        torch.save(torch.ones(1), state[0])

    def forward(self) -> str:
        return self.path


@pytest.fixture
def trace(tmp_path):
    return Trace(tmp_path)


@pytest.fixture
def script(trace, tmp_path):
    path = tmp_path / 'script.pth'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.jit.save(torch.jit.script(Writer(str(trace.path))), str(path))
        torch.jit.load(str(path))
    assert trace.is_left  # the payload works
    os.remove(trace.path)
    return path


def test_a_script_is_refused(script, trace):
    with pytest.raises(ValueError, match='was refused'):
        read_checkpoint(script)
    assert not trace.is_left


@pytest.mark.parametrize('weights_only', [False, True])
def test_a_script_is_refused_by_older_torch(script, trace, weights_only):
    with refuse_programs(), pytest.raises(pickle.UnpicklingError,
                                          match='a TorchScript program'):
        torch.load(script, weights_only=weights_only)
    assert not trace.is_left


def test_an_archive_is_not_unpacked(trace, tmp_path, monkeypatch):
    """Its members could be links, or be named ../file."""
    path = tmp_path / 'old.pth'
    with tarfile.open(path, 'w') as archive:
        archive.add(__file__, 'storages')
    monkeypatch.setattr(tarfile.TarFile, 'extract',
                        lambda *_, **__: os.mkdir(trace.path))
    with pytest.raises(ValueError, match='was refused'):
        read_checkpoint(path)
    with refuse_programs(), pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=False)
    assert not trace.is_left


def test_checkpoints_are_loaded_as_before(tmp_path):
    content = dict(w=torch.arange(3.))
    for zipped in (True, False):
        path = tmp_path / 'weights.pth'
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        with refuse_programs():
            found = torch.load(path, weights_only=True)
        assert torch.equal(found['w'], content['w'])
