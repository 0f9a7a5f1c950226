import pytest
import torch

from mmcckd.lost_ranks import explain_lost_rank, is_lost_rank

GLOO = '[/pytorch/gloo/transport/tcp/pair.cc:545] Connection reset by peer'


@pytest.mark.parametrize('error', [
    RuntimeError(GLOO),
    RuntimeError('Gloo connectFullMesh failed with timed out connecting'),
    torch.distributed.DistBackendError('NCCL error in: …'),
])
def test_errors_of_communication(error, monkeypatch):
    monkeypatch.setenv('RANK', '3')
    assert is_lost_rank(error)
    text = explain_lost_rank(error)
    assert text.startswith('Rank 3 ends after an error')
    assert '--resume' in text


def test_an_error_of_communication_as_a_cause():
    with pytest.raises(ValueError) as caught:
        try:
            raise RuntimeError(GLOO)
        except RuntimeError as error:
            raise ValueError('no batch') from error
    assert is_lost_rank(caught.value)


@pytest.mark.parametrize('error', [
    RuntimeError('CUDA out of memory'), ValueError('gloo'), None
])
def test_other_errors(error):
    assert not is_lost_rank(error)
    assert explain_lost_rank(error) == ''
