"""A checkpoint is read without running code, or there is an error that says
why not."""
import os
import pickle
import re
import subprocess

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from mmcckd.files.checkpoints import read_checkpoint, weights_of

WEIGHTS = {'fc.weight': torch.ones(2, 3), 'fc.bias': torch.zeros(2)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'epoch_1.pth'


@pytest.mark.parametrize('content', [
    WEIGHTS,
    dict(state_dict=WEIGHTS, meta=dict(epoch=1)),
    dict(state_dict={f'module.{k}': v for k, v in WEIGHTS.items()}),
], ids=['bare', 'mmengine', 'DataParallel'])
def test_reads_weights(path, content):
    torch.save(content, path)
    found = read_checkpoint(path)
    assert found.keys() == content.keys()
    weights = weights_of(found, 'x')
    assert list(weights) == list(WEIGHTS)
    for name, tensor in WEIGHTS.items():
        assert torch.equal(weights[name], tensor)


def test_reads_the_log_of_a_run(path):
    hub = MessageHub.get_instance('hub of the checkpoint')
    hub.update_scalar('loss', np.float32(1))
    torch.save(dict(state_dict=WEIGHTS, message_hub=hub.state_dict()), path)
    log = read_checkpoint(path)['message_hub']['log_scalars']
    assert log['loss'].mean() == 1
    assert type(log['loss']._log_history) is np.ndarray


def test_reads_a_url(path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(path.parent))
    folder = path.parent / 'hub/checkpoints'
    folder.mkdir(parents=True)
    torch.save(WEIGHTS, folder / path.name)  # as if downloaded before
    url = f'https://example.com/{path.name}'
    assert read_checkpoint(url).keys() == WEIGHTS.keys()


def test_versions_of_modules_are_kept(path):
    module = torch.nn.BatchNorm1d(2)
    torch.save(module.state_dict(), path)
    weights = weights_of(read_checkpoint(path), 'x')
    assert weights._metadata[''] == dict(version=2)


def test_missing(path):
    for missing in (path, path.parent):
        with pytest.raises(
                FileNotFoundError,
                match=f'^No checkpoint at {re.escape(str(missing))}.$'):
            read_checkpoint(missing)


def test_that_cannot_be_read(path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError('Permission denied')

    monkeypatch.setattr('torch.load', refuse)
    torch.save(WEIGHTS, path)
    with pytest.raises(ValueError, match='cannot be read: Permission denied'):
        read_checkpoint(path)


@pytest.mark.parametrize('content', [
    b'a', b'This is no checkpoint.\n', b'\x89PNG\r\n\x1a\n' + bytes(100)
])
def test_no_checkpoint(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match='refused: it is not a checkpoint, '):
        read_checkpoint(path)


@pytest.mark.parametrize('end', [0, 100, -200, -1])
def test_cut_off(path, end):
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match='refused: the end of .* is missing'):
        read_checkpoint(path)


def flip_a_bit(path):
    """In the weights, whose checksum torch.load does not compare."""
    content = path.read_bytes()
    begin = content.index(WEIGHTS['fc.weight'].numpy().tobytes())
    path.write_bytes(content[:begin + 3] + bytes([content[begin + 3] ^ 1]) +
                     content[begin + 4:])


def test_a_bit_that_has_changed(path):
    torch.save(WEIGHTS, path)
    flip_a_bit(path)
    with pytest.raises(ValueError, match='refused: it is damaged, since it '
                       'does not fit its checksums. Copy'):
        read_checkpoint(path)


@pytest.mark.skipif(
    not hasattr(torch.serialization, 'set_crc32_options'),
    reason='torch always writes checksums')
def test_without_checksums(path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(WEIGHTS, path)
    finally:
        torch.serialization.set_crc32_options(True)
    flip_a_bit(path)
    assert read_checkpoint(path).keys() == WEIGHTS.keys()


@pytest.mark.parametrize('content, found', [
    (dict(epoch=3), r"keys \['epoch'\]"),
    (dict(state_dict=3), r"keys \['state_dict'\]"),
    ({}, r'keys \[\]'),
    ({3: torch.ones(1)}, r"keys \['3'\]"),
    ([1, 2], 'a list'),
    (torch.ones(3), 'a Tensor'),
])
def test_without_weights(path, content, found):
    torch.save(content, path)
    with pytest.raises(ValueError, match=f'holds no weights.*found {found}'):
        read_checkpoint(path)


class Malicious:

    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return subprocess.check_call, (['touch', str(self.victim)], )


def test_a_malicious_pickle_is_refused(path, tmp_path):
    victim = tmp_path / 'executed'
    torch.save(dict(state_dict=Malicious(victim)), path)
    with pytest.raises(ValueError, match='run code.*check_call'):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps(Malicious(victim)))  # no torch.save at all
    with pytest.raises(ValueError, match='was refused'):
        read_checkpoint(path)
    assert not victim.exists()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ
