"""Losses and gradients on a GPU, compared with those on the CPU."""
import pytest
import torch
from torch import nn

from mmcckd.functional import CCLoss
from mmcckd.models.relu6 import keep_outputs_of_relu6

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'),
]


@pytest.mark.parametrize('kernel', ('gaussian_rbf', 'bilinear', 'naive_mmd'))
@pytest.mark.parametrize('n', (40, 700))
def test_cc_loss_and_gradients_are_those_of_the_cpu(kernel, n):
    torch.manual_seed(0)
    student, teacher = torch.randn(n, 96), torch.randn(n, 128)
    results = []
    for device, dtype in (('cpu', torch.float64), ('cuda', torch.float32)):
        x = student.to(device, dtype, copy=True).requires_grad_()
        loss = CCLoss(kernel)(x, teacher.to(device, dtype))
        loss.backward()
        results.append([loss.detach().cpu(), x.grad.cpu()])
    for expected, found in zip(*results):
        torch.testing.assert_close(
            found.double(),
            expected.double(),
            rtol=1e-4,
            atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize('dtype', (torch.float32, torch.float16))
def test_relu6_is_bit_identical(dtype):
    x = 5 * torch.randn(4, 8, 9, 9, device='cuda', dtype=dtype)
    model = nn.Sequential(nn.ReLU6(inplace=True))
    grads = []
    for _ in range(2):
        given = x.clone().requires_grad_()
        model(given * 1).pow(2).sum().backward()
        grads.append(given.grad)
        keep_outputs_of_relu6(model)
    assert torch.equal(*grads)
