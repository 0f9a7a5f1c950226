"""Gradients of features that are close together, against float64."""
import math

import pytest
import torch

from mmcckd.functional import CCLoss, gaussian_rbf

ORDERS = [1, 2, 20, None]


def features_around_a_point(n, d, seed=0, spread=1e-3):
    generator = torch.Generator().manual_seed(seed)
    point = torch.randn(1, d, generator=generator)
    return point + spread * torch.randn(n, d, generator=generator)


def formula(x, y, gamma, order):
    """The Gaussian RBF in float64, from the differences of the features."""
    x, y = (f.double() / f.double().norm(dim=1, keepdim=True) for f in (x, y))
    squares = (x[:, None] - y).square().sum(-1)
    if order is None:
        return (-gamma * squares).exp()
    s = 1 - squares / 2
    return sum(
        math.exp(-2 * gamma) * (2 * gamma)**p / math.factorial(p) * s**p
        for p in range(order + 1))


def assert_close(actual, expected, rtol=1e-4):
    error = (actual.double() - expected).norm() / expected.norm()
    assert error <= rtol, f'{error:.1e}'


@pytest.mark.parametrize('gamma', [0.4, 10.])
@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('n, d', [(24, 2048), (512, 16)])
@pytest.mark.parametrize('is_pair', [False, True])
def test_gradient_of_the_kernel(n, d, is_pair, order, gamma):
    x = features_around_a_point(n, d).requires_grad_()
    y = x.detach().roll(1, 0).requires_grad_() if is_pair else x
    weights = torch.randn(n, n, generator=torch.Generator().manual_seed(1))
    inputs = [x, y] if is_pair else [x]
    expected = torch.autograd.grad(
        (formula(x, y, gamma, order) * weights).sum(), inputs)
    k = gaussian_rbf(x, y if is_pair else None, gamma, order)
    actual = torch.autograd.grad((k * weights).sum(), inputs)
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other.double(), 1e-5)


@pytest.mark.parametrize('order', ORDERS)
def test_gradient_under_torch_func(order):
    x = features_around_a_point(24, 64)
    weights = torch.randn(24, 24, generator=torch.Generator().manual_seed(1))
    x64 = x.double().requires_grad_()
    expected, = torch.autograd.grad(
        (formula(x64, x64, 0.4, order) * weights).sum(), x64)
    actual = torch.func.grad(lambda x: (gaussian_rbf(x, order=order) * weights)
                             .sum())(x)
    assert_close(actual, expected)


@pytest.mark.parametrize('n, d', [(24, 2048), (512, 16)])
def test_gradient_of_the_loss(n, d):
    """Both networks map all samples to almost the same feature, so that the
    correlations to compare are almost equal."""
    order = None
    student = features_around_a_point(n, d).requires_grad_()
    teacher = features_around_a_point(n, d, seed=1)
    CCLoss(order=order)(student, teacher).backward()
    x = student.detach().double().requires_grad_()
    difference = formula(x, x, 0.4, order) - formula(
        teacher, teacher, 0.4, order)
    difference.square().mean().backward()
    assert_close(student.grad, x.grad, 1e-5)


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('spread', [1e-3, 1.])
def test_features_of_very_different_lengths(order, spread):
    """And a row of zeros."""
    x = features_around_a_point(24, 64, spread=spread)
    x *= torch.logspace(-4, 4, 24)[:, None]
    weights = torch.randn(24, 24, generator=torch.Generator().manual_seed(1))
    x64 = x.double().requires_grad_()
    expected, = torch.autograd.grad(
        (formula(x64, x64, 0.4, order) * weights).sum(), x64)
    x = torch.cat([x, torch.zeros(1, 64)]).requires_grad_()
    k = gaussian_rbf(x, order=order)[:-1, :-1]
    actual, = torch.autograd.grad((k * weights).sum(), x)
    for one, other in zip(actual, expected):
        assert_close(one, other)


@pytest.mark.parametrize('gamma', [0.1, 1., 10.])
@pytest.mark.parametrize('order', [1, 5, 20, None])
@pytest.mark.parametrize('n', [6, 512])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_large_gamma_and_order(gamma, order, n, dtype):
    """Values and gradients of spread, opposite, equal and close features."""
    x = features_around_a_point(n, 8, spread=1.)
    x[1], x[2], x[3] = -x[0], x[0], x[0] + 1e-2
    x = x.to(dtype)
    weights = torch.randn(n, n, generator=torch.Generator().manual_seed(1))
    x64 = x.double().requires_grad_()
    expected_k = formula(x64, x64, gamma, order)
    expected, = torch.autograd.grad((expected_k * weights).sum(), x64)
    x = x.float().requires_grad_()
    k = gaussian_rbf(x.to(dtype), gamma=gamma, order=order)
    actual, = torch.autograd.grad((k * weights).sum(), x)
    assert (k - expected_k).abs().max() <= 3e-6 * expected_k.abs().max()
    # Gradients of bfloat16 are bfloat16.
    assert_close(actual, expected, 1e-5 if dtype == torch.float32 else 1e-2)
