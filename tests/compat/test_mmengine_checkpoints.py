import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub

import mmcckd  # noqa: F401

SAFE_BY_DEFAULT = hasattr(torch.serialization, 'add_safe_globals')


@pytest.fixture
def checkpoint(tmp_path):
    """What a runner saves beside the weights."""
    hub = MessageHub.get_instance(f'hub {tmp_path}')
    for value in (1., np.float32(2), torch.tensor(3.)):
        hub.update_scalar('train/loss', value)
    hub.update_info('best_score', np.float64(0.5))
    hub.update_info('epoch', np.int64(3))
    hub.update_info('confusion', np.arange(4, dtype=np.int32))
    path = tmp_path / 'epoch_1.pth'
    torch.save(
        dict(message_hub=hub.state_dict(), state_dict=dict(w=torch.ones(2))),
        path)
    return path


@pytest.mark.skipif(not SAFE_BY_DEFAULT, reason='torch < 2.4')
def test_loads_safely(checkpoint):
    loaded = torch.load(checkpoint, weights_only=True)['message_hub']
    buffer = loaded['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert buffer.mean() == 2
    assert loaded['runtime_info']['best_score'] == 0.5
    assert loaded['runtime_info']['confusion'].tolist() == [0, 1, 2, 3]


@pytest.mark.skipif(not SAFE_BY_DEFAULT, reason='torch < 2.4')
def test_is_refused_without_mmcckd(checkpoint):
    """Once it is not, the room can be deleted."""
    code = ('import torch, mmengine.logging\n'
            f'torch.load({str(checkpoint)!r}, weights_only=True)')
    result = subprocess.run([sys.executable, '-c', code],
                            capture_output=True,
                            text=True)
    assert 'UnpicklingError' in result.stderr


class Malicious:

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f'touch {self.path}', )


def test_a_malicious_pickle_stays_refused(tmp_path):
    victim = tmp_path / 'executed'
    path = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=Malicious(victim)), path)
    with pytest.raises(pickle.UnpicklingError, match='system'):
        torch.load(path, weights_only=True)
    assert not victim.exists()


class Reaching:
    """getattr(HistoryBuffer, '__init__'), the first step to everything."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


@pytest.mark.skipif(not SAFE_BY_DEFAULT, reason='torch < 2.4')
def test_getattr_leads_nowhere_else(tmp_path):
    path = tmp_path / 'evil.pth'
    torch.save(Reaching(), path)
    with pytest.raises(pickle.UnpicklingError, match="'__init__' of <class"):
        torch.load(path, weights_only=True)


@pytest.mark.skipif(not SAFE_BY_DEFAULT, reason='torch < 2.4')
@pytest.mark.parametrize('before, after', [
    ('numpy._core.multiarray', 'numpy.core.multiarray'),
    ('numpy.core.multiarray', 'numpy._core.multiarray'),
])
def test_written_under_another_numpy(checkpoint, before, after):
    """numpy 2 renamed the module that pickles refer to."""
    old = checkpoint.with_name('old.pth')
    buffer = torch.load(checkpoint, weights_only=False)['message_hub']
    torch.save(buffer, old, _use_new_zipfile_serialization=False)
    content = old.read_bytes().replace(before.encode(), after.encode())
    old.write_bytes(content)
    loaded = torch.load(old, weights_only=True)
    assert loaded['log_scalars']['train/loss'].max() == 3
