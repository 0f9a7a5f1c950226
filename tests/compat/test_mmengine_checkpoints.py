import _codecs
import functools
import os
import pickle
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version

from mmcckd.compat import mmengine_checkpoints
from mmcckd.compat.mmengine_checkpoints import load_always_safely
from mmcckd.files.safe_loading import safe_loading

needs_allow_list = pytest.mark.skipif(
    not hasattr(torch.serialization, 'add_safe_globals'),
    reason='torch < 2.4 has no list of what is allowed')


@pytest.fixture
def no_globals():
    """A list of our own of what torch's unpickler allows."""
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(before)


def load(path):
    """Load a checkpoint with MMEngine."""
    return CheckpointLoader.load_checkpoint(
        str(path), map_location='cpu', logger='silent')


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
        loaded = load(checkpoint)['message_hub']
    buffer = loaded['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert buffer.mean() == 2
    assert loaded['runtime_info']['best_score'] == 0.5
    assert loaded['runtime_info']['confusion'].tolist() == [0, 1, 2, 3]


def test_what_was_loaded_is_saved_as_any_other(checkpoint):
    loaded = load(checkpoint)
    torch.save(loaded, checkpoint)
    buffer = torch.load(checkpoint, weights_only=False)['message_hub'][
        'log_scalars']['train/loss']
    assert type(buffer._log_history) is np.ndarray


def test_arrays_are_plain_again(checkpoint):
    """In containers of all kinds, however often they are referred to."""
    array, dtype = np.arange(3.), np.dtype('float32')
    content = dict(
        nested=[(array, ), OrderedDict(a=array)],
        dtype=dtype,
        pair=(1, 'a'),
        weight=torch.ones(2))
    content['itself'] = content
    torch.save(content, checkpoint)
    with safe_loading():
        loaded = load(checkpoint)
    inner = loaded['nested'][0][0], loaded['nested'][1]['a']
    for found in inner:
        assert type(found) is np.ndarray
        assert found.tolist() == [0, 1, 2]
    assert inner[0].base is inner[1].base
    assert loaded['dtype'] == dtype
    assert isinstance(loaded['dtype'], np.dtype)
    assert loaded['pair'] == (1, 'a')
    assert loaded['itself'] is loaded


def test_loads_a_url_safely(checkpoint, monkeypatch):
    """URLs, which torch would load unsafely."""
    monkeypatch.setenv('TORCH_HOME', str(checkpoint.parent))
    folder = checkpoint.parent / 'hub/checkpoints'
    folder.mkdir(parents=True)
    url = 'https://example.com/epoch_1.pth'  # as if downloaded before
    checkpoint.rename(folder / checkpoint.name)
    with safe_loading():
        hub = load(url)['message_hub']
        assert type(hub['runtime_info']['confusion']) is np.ndarray
        torch.save(Malicious(folder / 'executed'), folder / checkpoint.name)
        with pytest.raises(pickle.UnpicklingError, match='check_call'):
            load(url)
    assert not (folder / 'executed').exists()


def test_arrays_of_the_log_are_plain_again(checkpoint):
    with safe_loading():
        hub = load(checkpoint)['message_hub']
    assert type(hub['runtime_info']['confusion']) is np.ndarray
    buffer = hub['log_scalars']['train/loss']
    assert type(buffer._log_history) is np.ndarray
    assert type(buffer._count_history) is np.ndarray


ALLOWING = """
import _codecs, numpy as np, torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
reconstruct, scalar = (array.__reduce__()[0]
                       for array in (np.zeros(1), np.float64(1)))
# torch allows _codecs.encode itself since 2.5.
theirs = [np.ndarray, np.dtype, reconstruct, np.dtypes.Int32DType,
          _codecs.encode]
if with_log:
    theirs += [scalar, getattr, HistoryBuffer, np.dtypes.Float64DType,
               np.dtypes.Int64DType]
torch.serialization.add_safe_globals(theirs)
import mmcckd
from mmcckd.files.safe_loading import allowed
for _ in range(2):
    loaded = torch.load(array, weights_only=True)
    assert type(loaded) is np.ndarray and loaded.tolist() == [0, 1, 2]
    loaded = CheckpointLoader.load_checkpoint(checkpoint)
    info = loaded['message_hub']['runtime_info']
    assert type(info['confusion']) is np.ndarray
    listed = set(torch.serialization.get_safe_globals())
    assert listed >= set(theirs)
    assert not (listed - set(theirs)).intersection(allowed().values())
"""


@needs_allow_list
@pytest.mark.parametrize('with_log', [False, True])
def test_what_a_user_has_allowed_stays(checkpoint, no_globals, with_log):
    array = checkpoint.with_name('array.pth')
    torch.save(np.arange(3, dtype=np.int32), array)
    exec(ALLOWING, dict(array=str(array), checkpoint=str(checkpoint),
                        with_log=with_log))


@needs_allow_list
def test_what_a_user_has_allowed_before_stays(checkpoint):
    """Before the import of mmcckd."""
    array = checkpoint.with_name('array.pth')
    torch.save(np.arange(3, dtype=np.int32), array)
    code = (f'array, checkpoint = {str(array)!r}, {str(checkpoint)!r}\n'
            f'with_log = False\n{ALLOWING}')
    result = subprocess.run([sys.executable, '-c', code],
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr


@needs_allow_list
def test_a_user_may_have_mmengine_load_more(tmp_path, no_globals):
    """Such as records, which are otherwise refused."""
    records = tmp_path / 'records.pth'
    torch.save(np.zeros(2, dtype=[('a', 'i4')]), records)
    with safe_loading(), pytest.raises(pickle.UnpicklingError,
                                       match='only numbers'):
        load(records)
    reconstruct = np.zeros(1).__reduce__()[0]
    allowed = [np.ndarray, np.dtype, reconstruct, np.dtypes.VoidDType,
               np.dtypes.Int32DType, _codecs.encode]  # torch 2.4 lacks it
    torch.serialization.add_safe_globals(allowed)
    with safe_loading():
        assert load(records)['a'].tolist() == [0, 0]


@needs_allow_list
def test_nothing_is_allowed_outside_of_mmengine(checkpoint):
    before = torch.serialization.get_safe_globals()
    with safe_loading():
        load(checkpoint)
        assert torch.serialization.get_safe_globals() == before
        with pytest.raises(pickle.UnpicklingError):
            torch.load(checkpoint, weights_only=True)
    checkpoint.write_bytes(b'no checkpoint')
    with pytest.raises(pickle.UnpicklingError):
        load(checkpoint)
    assert torch.serialization.get_safe_globals() == before


@needs_allow_list
def test_always_safely(checkpoint, monkeypatch):
    """Only what MMEngine loads, unless a user has set torch's variables."""
    monkeypatch.setattr(mmengine_checkpoints, '_always_safely', False)
    victim = checkpoint.with_name('executed')
    monkeypatch.setattr(torch, 'load',
                        functools.partial(torch.load, weights_only=False))
    torch.save(dict(state_dict=Malicious(victim)), checkpoint)
    load_always_safely()
    with pytest.raises(pickle.UnpicklingError, match='check_call'):
        load(checkpoint)
    assert not victim.exists()
    torch.save(slice(3), checkpoint)
    assert torch.load(checkpoint) == slice(3)  # a user's own, asked for so

    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    load_always_safely()
    assert load(checkpoint) == slice(3)


@needs_allow_list
def test_is_refused_without_mmcckd(checkpoint):
    """If this fails, the module can be deleted."""
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
        load(path)
    assert not victim.exists()


@pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.6.0'),
    reason='the default of torch.load is not safe')
def test_what_torch_refuses_is_not_loaded_otherwise(tmp_path):
    """As onedl-mmengine does."""
    victim = tmp_path / 'executed'
    path = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=Malicious(victim)), path)
    with pytest.raises(pickle.UnpicklingError, match='check_call'):
        load(path)
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
                                       match='only numbers, booleans'):
        load(path)


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
        load(path)


@pytest.mark.parametrize('before, after', [
    ('numpy._core.multiarray', 'numpy.core.multiarray'),
    ('numpy.core.multiarray', 'numpy._core.multiarray'),
])
@needs_allow_list
def test_written_under_another_numpy(checkpoint, before, after):
    """numpy 2 renamed the module that pickles refer to."""
    old = checkpoint.with_name('old.pth')
    buffer = torch.load(checkpoint, weights_only=False)['message_hub']
    torch.save(buffer, old, _use_new_zipfile_serialization=False)
    content = old.read_bytes().replace(before.encode(), after.encode())
    old.write_bytes(content)
    with safe_loading():
        loaded = load(old)
    assert loaded['log_scalars']['train/loss'].max() == 3
