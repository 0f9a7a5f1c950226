"""Connectors and loss of a recipe in one graph, with their gradients."""
import pytest
import torch
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.models import CorrelationCongruenceLoss


class Criterion(nn.Module):

    def __init__(self, kernel):
        super().__init__()
        self.kernel = MODELS.build(dict(kernel, _scope_='mmrazor'))
        self.loss = CorrelationCongruenceLoss(loss_weight=10.)

    def forward(self, student, teacher):
        return self.loss(self.kernel(student), self.kernel(teacher))


@pytest.mark.parametrize('kernel', [
    dict(type='GaussianRBFKernelConnector'),
    dict(type='GaussianRBFKernelConnector', order=None),
    dict(type='BilinearKernelConnector'),
    dict(type='MMDKernelConnector'),
], ids=str)
def test_one_graph(kernel):
    torch._dynamo.reset()
    criterion = Criterion(kernel)
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(16, 4, 2, 2, generator=generator)
    teacher = torch.randn(16, 20, generator=generator)
    results = []
    for function in (criterion,
                     torch.compile(
                         criterion, fullgraph=True, backend='aot_eager')):
        x = student.clone().requires_grad_()
        loss = function(x, teacher)
        loss.backward()
        results.append((loss.detach(), x.grad))
    (loss, gradient), compiled = results
    assert gradient.abs().max() > 0
    torch.testing.assert_close(compiled, (loss, gradient))
