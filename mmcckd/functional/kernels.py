"""Correlation kernels: features of n samples -> their n × n correlations.

Each kernel is a pure function ``(x, y=None) -> C`` with
``C[i, j] = φ(x[i], y[j])``, as defined by Peng et al., *Correlation Congruence
for Knowledge Distillation*, ICCV 2019.

====================  =======================================================
function              φ(x, y)
====================  =======================================================
:func:`naive_mmd`     ``|mean(x) − mean(y)|``
:func:`bilinear`      ``xᵀy``
:func:`gaussian_rbf`  ``exp(−γ‖x − y‖²)``, or its Taylor expansion to order P,
                      ``Σ_{p=0..P} exp(−2γ) (2γ)^p / p! · (xᵀy)^p``
====================  =======================================================

All of them take floating-point tensors ``x`` of shape (n, d) and ``y`` of
shape (m, d), ``y=None`` standing for ``x``, and return a tensor of shape
(n, m): float64 for float64 features, float32 for anything narrower, also under
autocast. The exact Gaussian RBF is always float64. A wrong shape or dtype
raises ``ValueError`` or ``TypeError``.
"""
import functools
import math
from typing import Callable, Optional

import torch
from torch import Tensor

from . import rbf_formulas
from .blocked_rbf import BlockedExactRBF, BlockedTaylorRBF, is_large
from .rbf_gradients import ExactRBF, TaylorRBF
from .transforms import is_transformed


def _in_full_precision(kernel: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Check the features and compute the kernel in float32 at least.

    Correlations are small differences of large sums: in half precision, which
    autocast would choose for the matrix product, they are lost in round-off.
    """

    @functools.wraps(kernel)
    def wrapper(x: Tensor, y: Optional[Tensor] = None, *args,
                **kwargs) -> Tensor:
        for name, features in (('x', x), ('y', y)):
            if features is None and name == 'y':
                continue
            if not isinstance(features, Tensor):
                raise TypeError(f'{name} must be a tensor of features, but is '
                                f'a {type(features).__name__}.')
            if features.dim() != 2:
                raise ValueError(
                    f'{name} must have shape (samples, dimensions), but has '
                    f'{tuple(features.shape)}; flatten it first.')
            if not features.is_floating_point():
                raise TypeError(f'{name} must hold floating-point features, '
                                f'but its dtype is {features.dtype}.')
        if y is not None and x.shape[1] != y.shape[1]:
            raise ValueError(
                'x and y must have the same number of dimensions, but have '
                f'{x.shape[1]} and {y.shape[1]}.')

        # Not by promote_types, which torch.compile cannot trace in torch 2.1.
        dtypes = [x.dtype] if y is None else [x.dtype, y.dtype]
        dtype = torch.float64 if torch.float64 in dtypes else torch.float32
        if y is not None:
            y = y.to(dtype)
        with torch.autocast(x.device.type, enabled=False):
            return kernel(x.to(dtype), y, *args, **kwargs)

    return wrapper


@_in_full_precision
def naive_mmd(x: Tensor, y: Optional[Tensor] = None) -> Tensor:
    """Naive maximum mean discrepancy, ``C[i, j] = |mean(x_i) − mean(y_j)|``.

    The means run over the d entries of each feature vector.

    Args:
        x (Tensor): Features, (n, d).
        y (Tensor, optional): Features, (m, d). Defaults to ``x``.

    Returns:
        Tensor: Correlations, (n, m), float32 or float64.
    """
    # In float64, since the difference of two similar means would otherwise be
    # mostly their rounding errors.
    mean_x = x.mean(dim=1, dtype=torch.float64)
    mean_y = mean_x if y is None else y.mean(dim=1, dtype=torch.float64)
    return (mean_x[:, None] - mean_y[None, :]).abs().to(x.dtype)


@_in_full_precision
def bilinear(x: Tensor, y: Optional[Tensor] = None) -> Tensor:
    """Bilinear pool, ``C[i, j] = x_iᵀ y_j``.

    Args:
        x (Tensor): Features, (n, d).
        y (Tensor, optional): Features, (m, d). Defaults to ``x``.

    Returns:
        Tensor: Correlations, (n, m), float32 or float64.
    """
    return x @ (x if y is None else y).t()


@_in_full_precision
def gaussian_rbf(x: Tensor,
                 y: Optional[Tensor] = None,
                 gamma: Optional[float] = None,
                 order: Optional[int] = 2,
                 *,
                 delta: Optional[float] = None,
                 normalize: bool = True) -> Tensor:
    r"""Gaussian radial basis function, exact or expanded to a Taylor series.

    On the unit sphere ``‖x − y‖² = 2 − 2xᵀy``, therefore

    .. math::
        e^{-\gamma\|x-y\|^2} = e^{-2\gamma} e^{2\gamma x^Ty}
        \approx \sum_{p=0}^{P} e^{-2\gamma}\frac{(2\gamma)^p}{p!}(x^Ty)^p .

    The error of order P is at most
    :math:`e^{-2\gamma}\sum_{p>P}(2\gamma)^p/p!`; see ``docs/method.md``. A
    feature of length 0 cannot be normalized: it stays 0 and gets no gradient.
    Its correlation with every sample is ``exp(−2γ)`` with a Taylor order; with
    the exact kernel, it is ``exp(−γ)`` with other nonzero features.

    The gradient is as precise for features that are close together as for
    others. If both networks map all samples to almost the same feature, their
    correlations are almost equal, and only float64, the dtype of the exact
    kernel, represents their difference precisely.

    Args:
        x (Tensor): Features, (n, d).
        y (Tensor, optional): Features, (m, d). Defaults to ``x``.
        gamma (float, optional): γ > 0. Defaults to 0.4, the value of the
            public re-implementations, unless ``delta`` is given.
        order (int, optional): Order P ≥ 1 of the Taylor expansion; None is
            the exact kernel. Defaults to 2 (the same source).
        delta (float, optional): The bandwidth δ > 0 in place of γ,
            ``γ = 1 / (2δ²)``.
        normalize (bool): Whether to L2-normalize the features first. Only the
            exact kernel can do without, since the expansion holds on the unit
            sphere alone. Defaults to True, so that growing orders converge to
            ``order=None``.

    Returns:
        Tensor: Correlations, (n, m), float32 or float64; always float64 for
        the exact kernel.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If γ or δ is not a positive number, both are given, the
            order is below 1, or ``normalize=False`` with a Taylor order.
    """
    gamma = rbf_gamma(gamma, delta)
    check_rbf_order(order, normalize)
    if is_transformed():
        if order is None:
            return rbf_formulas.exact_rbf(x, y, gamma, normalize)
        return rbf_formulas.taylor_rbf(x, y, gamma, order)
    if y is None and is_large(x):
        if order is None:
            return BlockedExactRBF.apply(x, gamma, normalize)
        return BlockedTaylorRBF.apply(x, gamma, order)
    if order is None:
        return ExactRBF.apply(x, y, gamma, normalize)
    return TaylorRBF.apply(x, y, gamma, order)


def rbf_gamma(gamma: Optional[float], delta: Optional[float]) -> float:
    """γ of the Gaussian RBF from ``gamma`` or ``delta``, 0.4 from neither.

    Raises:
        TypeError: If the one that is given is not a number.
        ValueError: If it is not positive and finite, or both are given.
    """
    if gamma is not None and delta is not None:
        raise ValueError(
            f'Got both gamma={gamma} and delta={delta}, which set the same '
            'width by gamma = 1 / (2 delta²); give one of them.')
    name, value = ('gamma', gamma) if delta is None else ('delta', delta)
    if value is None:
        return 0.4
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f'{name} must be a number, but is {value!r} of type '
                        f'{type(value).__name__}.')
    if not 0 < value < math.inf:
        raise ValueError(
            f'{name} must be positive and finite, but is {value}.')
    if delta is None:
        return float(value)
    if not 1e-150 < value < 1e150:
        raise ValueError(
            f'gamma = 1 / (2 delta²) is out of range for delta={delta}.')
    return 1 / (2 * delta**2)


def check_rbf_order(order: Optional[int], normalize: bool) -> None:
    """Check that a Gaussian RBF of this form exists.

    Raises:
        TypeError: If the order is neither None nor an int.
        ValueError: If the order is below 1, or is given without normalizing.
    """
    if order is None:
        return
    if isinstance(order, bool) or not isinstance(order, int):
        raise TypeError('order must be a positive int, or None for the exact '
                        f'kernel, but is {order!r}.')
    if order < 1:
        raise ValueError(f'order must be at least 1, but is {order}; use '
                         'order=None for the exact kernel.')
    if not normalize:
        raise ValueError(
            f'normalize=False with order={order}: the Taylor expansion holds '
            'on L2-normalized features alone; use order=None (the exact '
            'kernel) for features of any length.')
