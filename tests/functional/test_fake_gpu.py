"""Kernels and loss use the device of their features, and do not wait for it.
"""
import pytest
import torch
from fake_gpu import NoWaiting, WaitsForGPU, fake_gpu
from torch._subclasses.fake_tensor import DataDependentOutputException

from mmcckd.functional import (
    CCLoss,
    bilinear,
    correlation_congruence,
    gaussian_rbf,
    global_batch,
    naive_mmd,
)

KERNELS = {
    'MMD': naive_mmd,
    'bilinear': bilinear,
    'Taylor': gaussian_rbf,
    'exact': lambda x, y=None: gaussian_rbf(x, y, order=None),
    'any length': lambda x, y=None: gaussian_rbf(
        x, y, order=None, normalize=False),
}


def features(n=8, d=5, dtype=torch.float32):
    return torch.randn(n, d, device='cuda', dtype=dtype)


class MadeOnCPU(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return grad * torch.ones(5)


@pytest.mark.parametrize('wrong, error', [
    (lambda x: x.sum().item(), DataDependentOutputException),
    (lambda x: x.sum() > 0 and x, DataDependentOutputException),
    (lambda x: x[x.sum(1) > 0], Exception),
    (lambda x: x[torch.tensor([0, 1])], WaitsForGPU),
    (lambda x: x.cpu(), WaitsForGPU),
    (lambda x: torch.tensor([len(x)], device=x.device), WaitsForGPU),
    (lambda x: x + torch.ones(5), Exception),
    (lambda x: MadeOnCPU.apply(x), Exception),
])
def test_what_the_fake_gpu_finds(wrong, error):
    with fake_gpu(), NoWaiting(), pytest.raises(error):
        wrong(features())


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('kernel', KERNELS.values(), ids=KERNELS)
def test_kernels(kernel, dtype):
    with fake_gpu(), NoWaiting():
        x = features(dtype=dtype)
        for correlations in (kernel(x), kernel(x, features(6))):
            assert correlations.device.type == 'cuda'
        large = features(1100)
        loss = correlation_congruence(kernel(large), kernel(large))
        assert loss.device.type == 'cuda'


@pytest.mark.parametrize('arguments', [
    dict(),
    dict(order=None),
    dict(kernel='bilinear'),
    dict(kernel='naive_mmd'),
], ids=str)
def test_cc_loss(arguments):
    criterion = CCLoss(**arguments)
    with fake_gpu(), NoWaiting():
        loss = criterion(features(), features(8, 7))
    assert loss.device.type == 'cuda'


def test_gather(monkeypatch):
    """From the second batch of the same size on."""
    from torch.testing._internal.distributed.fake_pg import FakeStore
    torch.distributed.init_process_group(
        'fake', store=FakeStore(), rank=1, world_size=3)
    try:
        criterion = CCLoss(gather=True)
        group = torch.distributed.group.WORLD
        with fake_gpu(), NoWaiting():
            with pytest.raises(DataDependentOutputException):
                criterion(features(), features())
            global_batch._last_sizes[group] = 8
            rows, columns = global_batch.rows_and_columns(features())
            assert len(rows) == 8 and len(columns) == 24
            assert {rows.device.type, columns.device.type} == {'cuda'}
            assert criterion(features(), features()).device.type == 'cuda'
            with pytest.raises(DataDependentOutputException):
                criterion(features(7), features(7))
    finally:
        torch.distributed.destroy_process_group()
