"""Kernels and loss in one graph of torch.compile, and compiled networks."""
import pytest
import torch

from mmcckd.engine import build_runner
from mmcckd.functional import CCLoss

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'),
]


@pytest.mark.parametrize('arguments', [
    dict(),
    dict(order=None),
    dict(kernel='bilinear'),
    dict(kernel='naive_mmd'),
], ids=str)
def test_loss_in_one_graph(arguments):
    torch.manual_seed(0)
    criterion = CCLoss(**arguments)
    student = torch.randn(48, 20, device='cuda')
    teacher = torch.randn(48, 30, device='cuda')
    results = []
    for function in (criterion, torch.compile(criterion, fullgraph=True)):
        x = student.clone().requires_grad_()
        loss = function(x, teacher)
        loss.backward()
        results.append((loss.detach(), x.grad))
    (loss, gradient), (compiled_loss, compiled_gradient) = results
    torch.testing.assert_close(compiled_loss, loss, rtol=1e-4, atol=0)
    torch.testing.assert_close(
        compiled_gradient,
        gradient,
        rtol=1e-3,
        atol=1e-4 * gradient.abs().max().item())


def test_compiled_recipe_with_amp(recipe):
    cfg = recipe('digits', 'bfloat16')
    cfg.model.update(channels_last=True, compile=True)
    runner = build_runner(cfg)
    runner.train()
    for name, weight in runner.model.named_parameters():
        assert weight.isfinite().all(), name
