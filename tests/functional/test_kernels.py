"""The kernels against slow NumPy loops over the formulas of the paper."""
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcckd.functional import bilinear, gaussian_rbf, naive_mmd
from mmcckd.models import CorrelationCongruenceLoss


def loop(phi, x, y):
    """C[i, j] = φ(x_i, y_j), entry by entry, in float64."""
    x, y = x.double().numpy(), y.double().numpy()
    return np.array([[phi(xi, yj) for yj in y] for xi in x])


def phi_mmd(x, y):
    return abs(sum(x) / len(x) - sum(y) / len(y))


def phi_bilinear(x, y):
    return sum(a * b for a, b in zip(x, y))


def phi_rbf(gamma):
    return lambda x, y: math.exp(-gamma * sum((a - b)**2
                                              for a, b in zip(x, y)))


def unit(x):
    return x / math.sqrt(sum(a * a for a in x))


def phi_spherical_rbf(gamma):
    return lambda x, y: phi_rbf(gamma)(unit(x), unit(y))


def phi_taylor(gamma, order):

    def phi(x, y):
        s = phi_bilinear(unit(x), unit(y))
        return sum(
            math.exp(-2 * gamma) * (2 * gamma)**p / math.factorial(p) * s**p
            for p in range(order + 1))

    return phi


KERNELS = {
    'mmd': (naive_mmd, phi_mmd),
    'bilinear': (bilinear, phi_bilinear),
    'taylor 1': (lambda *f: gaussian_rbf(*f, order=1), phi_taylor(0.4, 1)),
    'taylor 2': (gaussian_rbf, phi_taylor(0.4, 2)),
    'taylor 5, gamma 2':
    (lambda *f: gaussian_rbf(*f, gamma=2, order=5), phi_taylor(2, 5)),
    'exact': (lambda *f: gaussian_rbf(*f, order=None), phi_spherical_rbf(0.4)),
    'exact, gamma 30': (lambda *f: gaussian_rbf(*f, gamma=30., order=None),
                        phi_spherical_rbf(30)),
    'exact, any length':
    (lambda *f: gaussian_rbf(*f, order=None, normalize=False), phi_rbf(0.4)),
    'exact, delta': (
        lambda *f: gaussian_rbf(*f, order=None, normalize=False, delta=3),
        phi_rbf(1 / 18)),
}


@pytest.fixture(params=KERNELS)
def kernel_and_phi(request):
    return KERNELS[request.param]


def features(n, d, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=dtype)


def assert_close(actual, expected, rtol=1e-6):
    """Equal relative to the size of the matrix."""
    actual = actual.double().numpy()
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= rtol * np.abs(expected).max()


def test_equals_the_formula_at_the_width_of_a_network(kernel_and_phi):
    kernel, phi = kernel_and_phi
    x = features(4, 2048)
    assert_close(kernel(x), loop(phi, x, x))


@pytest.mark.parametrize('n, m, d', [(8, None, 5), (9, 4, 16), (1, None, 3)])
def test_equals_the_formula(kernel_and_phi, n, m, d):
    kernel, phi = kernel_and_phi
    x = features(n, d)
    if m is None:
        assert_close(kernel(x), loop(phi, x, x))
    else:
        y = features(m, d, seed=1)
        assert_close(kernel(x, y), loop(phi, x, y))


@pytest.mark.parametrize('n', [512, 1023])
def test_large_batches_are_correlated_as_small_ones(n):
    x = features(n, 16)
    correlations = gaussian_rbf(x)
    for i in (0, n // 4, n // 2 + 1, n - 1):  # of every block of rows
        torch.testing.assert_close(
            correlations[i], gaussian_rbf(x[[i]], x)[0], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(
        correlations, correlations.t(), rtol=1e-6, atol=1e-7)


def test_values_by_hand():
    x = torch.tensor([[3., 0.], [0., 2.]])
    assert naive_mmd(x).tolist() == [[0, 0.5], [0.5, 0]]
    assert bilinear(x).tolist() == [[9, 0], [0, 4]]
    # At a right angle only the first term of the series is left.
    near, far = gaussian_rbf(x, gamma=0.5)[0].tolist()
    assert near == pytest.approx(math.exp(-1) * (1 + 1 + 1 / 2))
    assert far == pytest.approx(math.exp(-1))
    exact = gaussian_rbf(x, gamma=0.5, order=None, normalize=False)
    assert exact[0, 1].item() == pytest.approx(math.exp(-13 / 2))


def test_near_pairs_of_long_features_stay_exact():
    # ‖x‖² = 1e6, ‖x − y‖² = 0.01: hopeless for a float32 expansion.
    x = torch.full((2, 100), 100.)
    x[1, 0] += 0.1
    c = gaussian_rbf(x, gamma=1, order=None, normalize=False)
    distance = (x[1, 0] - x[0, 0]).double()**2
    assert c[0, 1].item() == pytest.approx(math.exp(-distance), rel=1e-6)
    assert c.diagonal().tolist() == [1, 1]


def test_gradient_far_from_the_origin_stays_exact():
    offset = features(8, 16) * 0.3 + 1000
    weights = features(8, 8, seed=1)
    x = offset.clone().requires_grad_()
    (gaussian_rbf(x, order=None, normalize=False) * weights).sum().backward()
    x64 = offset.double().requires_grad_()
    distances = (x64[:, None] - x64).square().sum(-1)
    ((-0.4 * distances).exp() * weights).sum().backward()
    assert_close(x.grad, x64.grad.numpy())


@given(
    gamma=st.floats(0.05, 2),
    order=st.integers(1, 8),
    seed=st.integers(0, 1000))
@settings(deadline=None)
def test_taylor_error_is_within_its_bound(gamma, order, seed):
    x = features(6, 4, torch.float64, seed)
    error = gaussian_rbf(x, gamma=gamma, order=order) - gaussian_rbf(
        x, gamma=gamma, order=None)
    bound = math.exp(-2 * gamma) * (
        math.exp(2 * gamma) - sum((2 * gamma)**p / math.factorial(p)
                                  for p in range(order + 1)))
    assert error.abs().max() <= bound + 1e-12


def test_gradcheck(kernel_and_phi):
    kernel, _ = kernel_and_phi
    x = features(5, 4, torch.float64).requires_grad_()
    y = features(3, 4, torch.float64, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(kernel, (x, ))
    assert torch.autograd.gradcheck(kernel, (x, y))
    assert torch.autograd.gradcheck(lambda y: kernel(x.detach(), y), (y, ))


def test_gradient_of_a_batch_with_itself_is_that_of_a_pair(kernel_and_phi):
    kernel, _ = kernel_and_phi
    x = features(6, 5, torch.float64).requires_grad_()
    weights = features(6, 6, torch.float64, seed=2)
    itself, = torch.autograd.grad((kernel(x) * weights).sum(), x)
    pair, = torch.autograd.grad((kernel(x, x) * weights).sum(), x)
    torch.testing.assert_close(itself, pair)


@pytest.mark.parametrize('dtype, expected', [
    (torch.float16, torch.float32),
    (torch.bfloat16, torch.float32),
    (torch.float32, torch.float32),
    (torch.float64, torch.float64),
])
def test_dtype_is_float32_at_least(kernel_and_phi, dtype, expected, request):
    kernel, _ = kernel_and_phi
    if 'exact' in request.node.name:
        expected = torch.float64
    x = features(4, 8).to(dtype)
    assert kernel(x).dtype == expected
    assert kernel(x, x.float()).dtype == expected


def test_autocast_changes_nothing(kernel_and_phi):
    kernel, _ = kernel_and_phi
    x = features(16, 64).requires_grad_()
    plain = kernel(x)
    plain_grad, = torch.autograd.grad(plain.square().sum(), x)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = kernel(x)
        mixed_grad, = torch.autograd.grad(mixed.square().sum(), x)
    assert torch.equal(plain, mixed)
    if kernel is not bilinear:  # its backward is autograd's own
        torch.testing.assert_close(plain_grad, mixed_grad)


def zero_row():
    x = features(6, 8)
    x[2] = 0
    return x


@pytest.mark.parametrize('student', [
    features(1, 8),
    zero_row(),
    torch.zeros(6, 8),
    features(1, 8).expand(6, 8),
    features(6, 8).half(),
    features(6, 8).bfloat16(),
    features(6, 8) * 1e4,
    features(6, 8) * 1e-8,
], ids=[
    'one sample', 'a zero feature', 'all zero', 'identical', 'float16',
    'bfloat16', 'times 1e4', 'times 1e-8'
])
@pytest.mark.parametrize('autocast', [False, True])
def test_loss_and_gradients_are_finite(kernel_and_phi, student, autocast):
    kernel, _ = kernel_and_phi
    student = student.clone().requires_grad_()
    teacher = features(len(student), 20, seed=3)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        loss = CorrelationCongruenceLoss()(kernel(student), kernel(teacher))
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


@pytest.mark.parametrize('order', [2, None])
def test_a_zero_feature_gets_no_gradient(order):
    x = zero_row().requires_grad_()
    gaussian_rbf(x, order=order).square().sum().backward()
    assert x.grad[2].abs().max() == 0
    assert x.grad[1].abs().max() > 0


def test_nan_stays_visible(kernel_and_phi):
    kernel, _ = kernel_and_phi
    x = features(4, 8)
    x[1, 3] = math.nan
    assert kernel(x)[0, 1].isnan()


def test_peak_memory():
    """At most 4 matrices (n, n), float32, beyond the inputs."""
    n, d = 1024, 512
    student = features(n, d).requires_grad_()
    teacher = features(n, d, seed=1)
    criterion = CorrelationCongruenceLoss()
    with torch.profiler.profile(profile_memory=True) as profiler:
        criterion(gaussian_rbf(student), gaussian_rbf(teacher)).backward()
    now = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == '[memory]':
            now += event.nbytes()
            peak = max(peak, now)
    assert 2 * 4 * n * n < peak <= 4 * 4 * n * n


@pytest.mark.parametrize('kernel', [naive_mmd, bilinear, gaussian_rbf])
class TestBadFeatures:

    def test_shape(self, kernel):
        with pytest.raises(ValueError, match=r'\(2, 3, 4\).*flatten'):
            kernel(torch.zeros(2, 3, 4))
        with pytest.raises(ValueError, match='dimensions, but have 3 and 4'):
            kernel(torch.zeros(2, 3), torch.zeros(2, 4))

    def test_dtype(self, kernel):
        with pytest.raises(TypeError, match='x must hold floating-point'):
            kernel(torch.zeros(2, 3, dtype=torch.int64))
        with pytest.raises(TypeError, match='y must be a tensor.*ndarray'):
            kernel(torch.zeros(2, 3), np.zeros((2, 3)))


class TestBadHyperparameters:
    x = features(3, 4)

    @pytest.mark.parametrize('gamma', [0, -1., math.nan, math.inf])
    def test_gamma(self, gamma):
        with pytest.raises(ValueError, match='gamma must be positive'):
            gaussian_rbf(self.x, gamma=gamma)

    def test_delta(self):
        with pytest.raises(ValueError, match='delta must be positive'):
            gaussian_rbf(self.x, delta=0)
        with pytest.raises(TypeError, match='delta must be a number'):
            gaussian_rbf(self.x, delta='wide')

    def test_delta_without_a_gamma(self):
        for delta in (1e-200, 1e200):
            with pytest.raises(ValueError, match='is out of range for delta'):
                gaussian_rbf(self.x, delta=delta)

    def test_delta_with_gamma(self):
        with pytest.raises(ValueError, match='gamma=0.4 and delta=1.*one of'):
            gaussian_rbf(self.x, gamma=0.4, delta=1)

    def test_order(self):
        with pytest.raises(ValueError, match='at least 1, but is 0.*None'):
            gaussian_rbf(self.x, order=0)
        with pytest.raises(TypeError, match='order must be a positive int'):
            gaussian_rbf(self.x, order=2.5)

    def test_taylor_without_normalizing(self):
        with pytest.raises(ValueError, match='normalize=False with order=2'):
            gaussian_rbf(self.x, normalize=False)
