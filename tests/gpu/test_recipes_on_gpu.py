"""Training of each kind of recipe, in float32 and with mixed precision."""
import math

import pytest
import torch

from mmcckd.engine import build_runner

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'),
]


@pytest.mark.parametrize('precision', ['float32', 'float16', 'bfloat16'])
@pytest.mark.parametrize('kind', [
    'digits', 'stored teacher', 'ImageNet', 're-ID', 'vision transformer'
])
def test_training(recipe, kind, precision):
    runner = build_runner(recipe(kind, precision))
    before = {
        name: weight.detach().cpu().clone()
        for name, weight in runner.model.named_parameters()
    }
    runner.train()
    changed = 0
    for name, weight in runner.model.named_parameters():
        assert weight.is_cuda
        assert weight.isfinite().all(), name
        changed += not torch.equal(weight.cpu(), before[name])
    assert changed > len(before) / 2
    losses = {
        name: history.current()
        for name, history in runner.message_hub.log_scalars.items()
        if 'loss' in name
    }
    assert any('loss_cc' in name for name in losses)
    assert all(map(math.isfinite, losses.values())), losses
