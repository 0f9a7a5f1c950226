"""Kernels and loss for features of any size, against NumPy's longdouble."""
import math

import numpy as np
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from mmcckd.functional import CCLoss, bilinear, gaussian_rbf, naive_mmd

from .outcomes import fuzz, outcome

DTYPES = st.sampled_from(
    [torch.float16, torch.bfloat16, torch.float32, torch.float64])
KERNELS = dict(
    gaussian_rbf=gaussian_rbf, bilinear=bilinear, naive_mmd=naive_mmd)


@st.composite
def features(draw, n, width, largest=15, broken=False):
    """(n, width), with rows of very different lengths, zeros, equal rows, rows
    that are close to each other, and some that are not finite if ``broken``.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.standard_normal((n, width))
    kind = draw(
        st.sampled_from(['plain', 'lengths', 'equal', 'close', 'zeros']))
    if kind == 'lengths':
        exponents = draw(
            st.lists(
                st.integers(-largest, largest), min_size=n, max_size=n))
        x *= 10.**np.array(exponents)[:, None]
    elif kind == 'equal':
        x[:] = x[0]
    elif kind == 'close':
        x = x[:1] + draw(st.sampled_from([1e-1, 1e-3, 1e-6])) * x
    elif kind == 'zeros':
        x[rng.random((n, width)) < .5] = 0
        x[draw(st.integers(0, n - 1))] = 0
    if broken:
        places = draw(st.integers(0, n - 1)), draw(st.integers(0, width - 1))
        x[places] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return torch.tensor(x).to(draw(DTYPES))


def numbers(x):
    return x.double().numpy().astype(np.longdouble)


def cosines(x, y):
    """0 for a feature of length 0."""

    def unit(x):
        # So that the squares are neither 0 nor infinite.
        largest = np.abs(x).max(1, keepdims=True)
        x = x / np.where(largest > 0, largest, 1)
        lengths = np.sqrt((x * x).sum(1, keepdims=True))
        return x / np.where(lengths > 0, lengths, 1)

    x, y = unit(x), unit(y)
    return x, y, x @ y.T


def reference(kernel, x, y, gamma=0.4, order=2):
    if kernel == 'naive_mmd':
        return np.abs(x.mean(1)[:, None] - y.mean(1)[None])
    if kernel == 'bilinear':
        return x @ y.T
    x, y, s = cosines(x, y)
    if order is None:
        squares = ((x[:, None] - y[None])**2).sum(2)
        return np.exp(-gamma * squares)
    return sum(
        np.exp(np.longdouble(-2 * gamma)) * (2 * gamma)**p / math.factorial(p)
        * s**p for p in range(order + 1))


SIZES = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 9))
ORDERS = st.none() | st.integers(1, 20)
GAMMAS = st.floats(1e-3, 10)


@given(data=st.data(), sizes=SIZES, gamma=GAMMAS, order=ORDERS)
@fuzz
def test_rbf(data, sizes, gamma, order):
    n, m, width = sizes
    x = data.draw(features(n, width))
    y = data.draw(st.none() | features(m, width))
    assume(all(z is None or z.isfinite().all() for z in (x, y)))
    found = gaussian_rbf(x, y, gamma=gamma, order=order)
    expected = reference('gaussian_rbf', numbers(x),
                         numbers(x if y is None else y), gamma, order)
    error = np.abs(found.double().numpy() - expected).max()
    assert error < 1e-5 * max(1, gamma), error


@given(
    data=st.data(),
    sizes=SIZES,
    kernel=st.sampled_from(['bilinear', 'naive_mmd']))
@fuzz
def test_bilinear_and_mmd(data, sizes, kernel):
    n, m, width = sizes
    x = data.draw(features(n, width))
    y = data.draw(st.none() | features(m, width))
    assume(all(z is None or z.isfinite().all() for z in (x, y)))
    found = KERNELS[kernel](x, y).double().numpy()
    x, y = numbers(x), numbers(x if y is None else y)
    expected = reference(kernel, x, y)
    size = np.abs(x) @ np.abs(y).T
    if kernel == 'naive_mmd':
        size = np.abs(x).mean(1)[:, None] + np.abs(y).mean(1)[None]
        size = size * 1e-6 + np.abs(expected)
    assert (np.abs(found - expected) <= 1e-5 * size + 1e-44).all()


@given(
    data=st.data(),
    sizes=SIZES,
    kernel=st.sampled_from(sorted(KERNELS)),
    order=ORDERS,
    gamma=GAMMAS,
    broken=st.booleans())
@fuzz
def test_loss(data, sizes, kernel, order, gamma, broken):
    """The mean of the squared differences, or the error about NaN."""
    n, student_width, teacher_width = sizes
    student = data.draw(features(n, student_width, 4, broken))
    teacher = data.draw(features(n, teacher_width, 4))
    student = student.requires_grad_()
    options = dict(
        gamma=gamma, order=order) if kernel == 'gaussian_rbf' else {}
    criterion = CCLoss(kernel, **options)
    loss = outcome(lambda: criterion(student, teacher), 'NaN', ValueError)
    finite = all(
        bool(x.isfinite().all()) for x in (student.detach(), teacher))
    if loss is None:
        assert not finite
        return
    s, t = (reference(kernel, numbers(x), numbers(x), **options)
            for x in (student.detach(), teacher))
    if not finite:
        return
    expected = ((s - t)**2).mean()
    size = max(1, float(np.abs(s).max() + np.abs(t).max()))
    assert abs(loss.item() - expected) <= 1e-4 * size * (
        size if kernel != 'gaussian_rbf' else 1)
    loss.backward()
    assert student.grad.isfinite().all() or student.dtype == torch.float16
    assert student.grad.shape == student.shape
