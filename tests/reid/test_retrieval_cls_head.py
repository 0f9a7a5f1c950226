import pytest
import torch
from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmcckd.reid import RetrievalClsHead


@pytest.fixture
def heads():
    """MMPretrain's head and ours, with the same weights."""
    torch.manual_seed(0)
    plain = LinearClsHead(num_classes=5, in_channels=4)
    head = MODELS.build(
        dict(type='RetrievalClsHead', num_classes=5, in_channels=4))
    head.load_state_dict(plain.state_dict())
    return plain, head


def samples():
    return [DataSample(metainfo=dict(camera_id=i)).set_gt_label(i)
            for i in range(3)]


def test_is_registered():
    assert MODELS.get('RetrievalClsHead') is RetrievalClsHead


@pytest.mark.parametrize('data_samples', [None, samples])
def test_predicts_the_feature_too(heads, data_samples):
    """All else is as MMPretrain's head predicts it."""
    feats = (torch.randn(3, 8), torch.randn(3, 4))
    expected, found = (
        head.predict(feats, data_samples and data_samples())
        for head in heads)
    assert len(found) == 3
    for i, (sample, other) in enumerate(zip(found, expected)):
        feature = sample.to_dict().pop('feature')  # what a metric sees
        assert torch.equal(feature, feats[-1][i])
        assert torch.equal(sample.pred_score, other.pred_score)
        assert torch.equal(sample.pred_label, other.pred_label)
        assert set(sample.to_dict()) - set(other.to_dict()) == {'feature'}


def test_the_loss_is_that_of_the_linear_head(heads):
    feats = (torch.randn(3, 4), )
    plain, head = (head.loss(feats, samples()) for head in heads)
    assert plain == head


def test_half_precision_becomes_float32(heads):
    head = heads[1].bfloat16()
    sample = head.predict((torch.randn(1, 4).bfloat16(), ))[0]
    assert sample.feature.dtype == torch.float32
