"""Large batches on the CPU: block by block, as in one piece."""
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from mmcckd.functional import CCLoss, blocked_rbf, gaussian_rbf

RBFS = {
    'taylor 1': dict(order=1),
    'taylor 5': dict(gamma=2., order=5),
    'exact': dict(order=None),
    'exact, any length': dict(gamma=.1, order=None, normalize=False),
}


@pytest.fixture(params=RBFS.values(), ids=RBFS)
def kernel(request):
    return lambda *inputs: gaussian_rbf(*inputs, **request.param)


@pytest.fixture(params=[4, 5, 6])
def few(request, monkeypatch):
    """Features that are divided into blocks, the last one full or not."""
    monkeypatch.setattr(blocked_rbf, 'BLOCK_SIZE', 2)
    x = features(request.param, 3, dtype=torch.float64)
    assert blocked_rbf.is_large(x)
    return x.requires_grad_()


def features(n, d, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=dtype)


def values_and_gradient(kernel, x, weights):
    x = x.detach().requires_grad_()
    k = kernel(x)
    k.backward(weights)
    return k.detach(), x.grad


@pytest.mark.parametrize('n', [512, 700])
def test_equals_the_kernel_of_a_pair(kernel, n):
    x, weights = features(n, 16), features(n, n, seed=1)
    x[n // 2] = 0
    k, grad = values_and_gradient(kernel, x, weights)
    expected_k, expected = values_and_gradient(
        lambda x: kernel(x, x), x, weights)
    torch.testing.assert_close(k, expected_k, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(
        grad, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


def test_one_block_and_many_are_equal(kernel, few, monkeypatch):
    weights = features(len(few), len(few), seed=1, dtype=torch.float64)
    many = values_and_gradient(kernel, few, weights)
    monkeypatch.undo()
    assert not blocked_rbf.is_large(few)
    torch.testing.assert_close(many, values_and_gradient(kernel, few, weights))


def test_first_and_second_derivatives(kernel, few):
    assert gradcheck(kernel, few)
    assert gradgradcheck(kernel, few)


def test_autocast_changes_nothing(kernel):
    x, weights = features(512, 8), features(512, 512, seed=1)
    expected = values_and_gradient(kernel, x, weights)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        actual = values_and_gradient(kernel, x, weights)
    assert all(map(torch.equal, actual, expected))


def test_other_devices_are_not_divided():
    assert not blocked_rbf.is_large(torch.empty(4096, 1, device='meta'))


@pytest.mark.parametrize('order', [2, None])
def test_loss_of_a_large_batch(order):
    student, teacher = features(700, 8).requires_grad_(), features(700, 9, 1)
    criterion = CCLoss(order=order)
    loss = criterion(student, teacher)
    loss.backward()
    x = student.detach().double().requires_grad_()
    expected = (gaussian_rbf(x, x.detach(), order=order) -
                gaussian_rbf(teacher.double(), order=order))
    expected.square().mean().backward()
    assert loss.item() == pytest.approx(
        float(expected.square().mean()), rel=1e-5)
    torch.testing.assert_close(
        student.grad.double(), 2 * x.grad, rtol=1e-4, atol=1e-9)
