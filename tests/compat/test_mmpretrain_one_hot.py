import pytest
import torch
from fake_gpu import NoWaiting, fake_gpu
from mmpretrain.registry import MODELS


@pytest.mark.parametrize('loss', [
    dict(type='LabelSmoothLoss', label_smooth_val=0.1),
    dict(type='FocalLoss'),
    dict(type='AsymmetricLoss'),
], ids=lambda loss: loss['type'])
def test_labels_on_a_gpu_are_not_read(loss):
    loss = MODELS.build(loss)
    with fake_gpu(), NoWaiting():
        scores = torch.randn(4, 3, device='cuda')
        labels = torch.ones(4, device='cuda', dtype=torch.long)
        assert loss(scores, labels).device.type == 'cuda'


def test_labels_on_the_cpu_are_checked():
    loss = MODELS.build(dict(type='LabelSmoothLoss', label_smooth_val=0.1))
    with pytest.raises(AssertionError, match='less than number of classes'):
        loss(torch.randn(2, 3), torch.tensor([0, 3]))
