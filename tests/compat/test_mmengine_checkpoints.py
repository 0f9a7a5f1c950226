import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub

from mmcckd.compat.mmengine_checkpoints import safe_loading

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


def test_loads_safely(checkpoint):
    with safe_loading():
        loaded = torch.load(checkpoint)['message_hub']
    buffer = loaded['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert buffer.mean() == 2
    assert loaded['runtime_info']['best_score'] == 0.5
    assert loaded['runtime_info']['confusion'].tolist() == [0, 1, 2, 3]


def test_what_was_loaded_is_saved_as_any_other(checkpoint):
    with safe_loading():
        loaded = torch.load(checkpoint)
    torch.save(loaded, checkpoint)
    buffer = torch.load(checkpoint, weights_only=False)['message_hub'][
        'log_scalars']['train/loss']
    assert type(buffer._log_history) is np.ndarray


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
        return subprocess.check_call, (['touch', str(self.path)], )


def test_a_malicious_pickle_stays_refused(tmp_path):
    victim = tmp_path / 'executed'
    path = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=Malicious(victim)), path)
    with safe_loading(), pytest.raises(pickle.UnpicklingError,
                                       match='check_call'):
        torch.load(path)
    assert not victim.exists()


class ForgedArray:
    """Bytes that would be taken for pointers to objects."""

    def __reduce__(self):
        reconstruct, arguments, _ = np.zeros(1).__reduce__()
        return reconstruct, arguments, (1, (1, ), ForgedDtype(), False,
                                        b'\x01' * 8)


class ForgedDtype:

    def __reduce__(self):
        fields = {'a': (np.dtype('O'), 0)}
        return np.dtype, ('V8', False, True), (3, '|', None, ('a', ), fields,
                                               8, 1, 0)


def test_a_forged_dtype_is_refused(tmp_path):
    path = tmp_path / 'evil.pth'
    torch.save(ForgedArray(), path)
    with safe_loading(), pytest.raises(pickle.UnpicklingError,
                                       match='only numbers, truth values'):
        torch.load(path)


def test_the_environment_is_left_as_it_was(monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    before = dict(os.environ), torch.load
    with safe_loading():
        assert 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD' not in os.environ
    assert before == (dict(os.environ), torch.load)


class Reaching:
    """getattr(HistoryBuffer, '__init__'), the first step to everything."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


def test_getattr_leads_nowhere_else(tmp_path):
    path = tmp_path / 'evil.pth'
    torch.save(Reaching(), path)
    with safe_loading(), pytest.raises(pickle.UnpicklingError,
                                       match="'__init__' of <class"):
        torch.load(path)


@pytest.mark.parametrize('before, after', [
    ('numpy._core.multiarray', 'numpy.core.multiarray'),
    ('numpy.core.multiarray', 'numpy._core.multiarray'),
])
@pytest.mark.skipif(not SAFE_BY_DEFAULT, reason='torch < 2.4')
def test_written_under_another_numpy(checkpoint, before, after):
    """numpy 2 renamed the module that pickles refer to."""
    old = checkpoint.with_name('old.pth')
    buffer = torch.load(checkpoint, weights_only=False)['message_hub']
    torch.save(buffer, old, _use_new_zipfile_serialization=False)
    content = old.read_bytes().replace(before.encode(), after.encode())
    old.write_bytes(content)
    loaded = torch.load(old, weights_only=True)
    assert loaded['log_scalars']['train/loss'].max() == 3
