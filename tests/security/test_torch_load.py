"""What ``import mmcckd`` allows in ``torch.load`` is allowed where MMEngine
loads, and nowhere else."""
import pickle
import threading

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader

from mmcckd.compat import mmengine_checkpoints
from mmcckd.files.checkpoints import read_checkpoint

pytestmark = pytest.mark.skipif(
    not hasattr(torch.serialization, 'add_safe_globals'),
    reason='torch < 2.4 has no list of what is allowed')


@pytest.fixture
def path(tmp_path):
    """A checkpoint with a log, as MMEngine writes it."""
    hub = MessageHub.get_instance(f'hub {tmp_path}')
    hub.update_scalar('loss', 1.)
    path = tmp_path / 'checkpoint.pth'
    torch.save(
        dict(state_dict=dict(w=torch.ones(1)), message_hub=hub.state_dict()),
        path)
    return path


def refuses(path):
    with pytest.raises(pickle.UnpicklingError, match='HistoryBuffer'):
        torch.load(path, weights_only=True)
    return True


def load(path):
    return CheckpointLoader.load_checkpoint(
        str(path), map_location='cpu', logger='silent')


def test_a_plain_call_refuses_the_log(path):
    assert refuses(path)
    assert isinstance(
        load(path)['message_hub']['log_scalars']['loss'], HistoryBuffer)
    assert refuses(path)
    read_checkpoint(path)
    assert refuses(path)


def test_also_in_another_thread(path):
    load(path)
    results = []
    thread = threading.Thread(target=lambda: results.append(refuses(path)))
    thread.start()
    thread.join()
    assert results == [True]


def test_also_after_a_failure(path, tmp_path):
    wrong = tmp_path / 'wrong.pth'
    wrong.write_bytes(b'no checkpoint')
    for function in (load, read_checkpoint):
        with pytest.raises((pickle.UnpicklingError, ValueError)):
            function(wrong)
        assert refuses(path)


def test_also_in_a_hook(path, tmp_path, monkeypatch):
    """As hooks are called with what was loaded."""
    from mmengine.runner import Runner

    class Loading(Hook):
        refused = False

        def after_load_checkpoint(self, runner, checkpoint):
            self.refused = refuses(path)

    hook = Loading()
    runner = Runner(
        torch.nn.Linear(1, 1), str(tmp_path / 'run'), custom_hooks=[hook],
        experiment_name=str(tmp_path), log_level='ERROR')
    monkeypatch.setattr(torch.nn.Linear, '_load_from_state_dict',
                        lambda *_, **__: None)
    monkeypatch.setattr(mmengine_checkpoints, '_always_safely', True)
    runner.load_checkpoint(str(path), map_location='cpu')
    assert hook.refused


def test_the_default_of_torch_is_not_changed(tmp_path):
    before = torch.serialization.get_safe_globals()
    torch.save(slice(3), tmp_path / 'own.pth')
    assert torch.load(tmp_path / 'own.pth', weights_only=False) == slice(3)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'own.pth', weights_only=True)
    assert torch.serialization.get_safe_globals() == before
