"""Checkpoints with damaged bytes, pickles and contents."""
import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.logging import MessageHub
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version

from mmcckd.files.checkpoints import read_checkpoint, weights_of

from .mutations import TOKENS, VALUES, changed, damaged, damaged_member
from .outcomes import fuzz, outcome

WEIGHTS = {
    'fc.weight': torch.arange(600.).reshape(2, 300),
    'fc.bias': torch.zeros(2, dtype=torch.float16),
    'bn.num_batches_tracked': torch.tensor(7)
}


def saved(content, **kwargs):
    file = io.BytesIO()
    torch.save(content, file, **kwargs)
    return file.getvalue()


def content_of_a_run():
    hub = MessageHub('fuzz')
    hub.update_scalar('loss', np.float32(1))
    hub.update_info('epoch', 3)
    return dict(
        state_dict=WEIGHTS,
        message_hub=hub.state_dict(),
        meta=dict(epoch=3, iter=30, cfg='a = 1', dataset_meta={}))


SOUND = content_of_a_run()
ZIP = saved(SOUND)
# torch's message about a name in a pickle takes the square of its length.
TOKENS = [token for token in TOKENS if len(token) < 10_000]
LEGACY = saved(SOUND, _use_new_zipfile_serialization=False)


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz') / 'epoch_3.pth'


def read(path, content, **kwargs):
    path.write_bytes(content)
    found = outcome(
        lambda: read_checkpoint(path), str(path), ValueError, **kwargs)
    return None if found is None else weights_of(found, 'x')


def check_weights(weights):
    """They can be used: every number of every tensor is read."""
    if weights is not None:
        for name, tensor in weights.items():
            assert isinstance(name, str)
            tensor.to(torch.float64, copy=True).sum()


@given(content=damaged(ZIP))
@fuzz
def test_damaged_bytes(path, content):
    """An error, or what was saved: there are checksums."""
    weights = read(path, content)
    if weights is not None:
        assert weights.keys() == WEIGHTS.keys()
        assert all(map(torch.equal, weights.values(), WEIGHTS.values()))


@given(content=damaged(ZIP))
@fuzz
def test_damaged_bytes_when_mmengine_loads(path, content):
    """As with --resume and load_from."""
    path.write_bytes(content)
    try:
        found = CheckpointLoader.load_checkpoint(str(path), 'cpu', 'silent')
    except Exception:  # MMEngine documents none
        return
    weights = found['state_dict']
    assert all(map(torch.equal, weights.values(), WEIGHTS.values()))


@pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.11'),
    reason='torch reads beyond a tensor whose size is not that of its bytes')
@given(content=damaged_member(ZIP, TOKENS))
@fuzz
def test_damaged_pickle(path, content):
    """With checksums that fit."""
    check_weights(read(path, content))


@given(content=damaged(LEGACY, TOKENS))
@fuzz
def test_damaged_bytes_of_the_format_before_torch_1_6(path, content):
    """This format has no checksums, and torch allocates up to 4 GiB for a
    damaged length, without using it."""
    check_weights(read(path, content, believes_lengths=True))


TENSORS = [torch.tensor(1.), torch.zeros(0), torch.zeros(2, dtype=torch.int8)]


@given(
    content=changed(SOUND, [*VALUES, *TENSORS]), legacy=st.booleans())
@fuzz
def test_changed_contents(path, content, legacy):
    content = saved(content, _use_new_zipfile_serialization=not legacy)
    check_weights(read(path, content))
