"""The Gaussian RBF in plain tensor operations.

Slower than :mod:`.rbf_gradients` and with more memory, but autograd can
differentiate them any number of times, ``torch.func`` can transform them, and
``torch.compile`` can trace them. Arguments are those of the autograd functions
there.
"""
import math
from typing import Optional

from torch import Tensor

from .taylor_series import coefficients


def taylor_rbf(x: Tensor, y: Optional[Tensor], gamma: float,
               order: int) -> Tensor:
    """``T_P(S)``, where S_ij is the cosine of x_i and y_j."""
    zero_x = _is_zero(x)
    zero_y = zero_x if y is None else _is_zero(y)
    x = normalize(x)
    y = None if y is None else normalize(y)
    # The cosine of a row of zeros is 0, but half its squared distance 1/2.
    t = negative_half_distances(x, y) - zero_x[:, None] / 2 - zero_y / 2
    a = coefficients(gamma, order)
    sums = [math.fsum(a[k:]) for k in range(order + 1)]
    k = sums[-1]
    for coefficient in reversed(sums[1:-1]):
        k = k * (1 + t) + coefficient
    return k * t + sums[0]


def exact_rbf(x: Tensor, y: Optional[Tensor], gamma: float,
              normalized: bool) -> Tensor:
    """``exp(−γ‖x_i − y_j‖²)`` in float64, also of normalized features."""
    x, y = x.double(), None if y is None else y.double()
    if normalized:
        x, y = normalize(x), None if y is None else normalize(y)
    t = negative_half_distances(x, y)
    # Positive only due to rounding. clamp() would make the entry a constant.
    t = t - t.detach().clamp(min=0)
    return (2 * gamma * t).exp()


def negative_half_distances(x: Tensor, y: Optional[Tensor]) -> Tensor:
    """``−‖x_i − y_j‖²/2``."""
    center = x.detach().mean(0)
    x = x - center
    y = x if y is None else y - center
    return (x @ y.t() - x.square().sum(1)[:, None] / 2 -
            y.square().sum(1) / 2)


def normalize(x: Tensor) -> Tensor:
    """Scale rows to length 1. A row of zeros is kept, and gets no gradient."""
    squares = x.square().sum(1, keepdim=True)
    zero = squares == 0
    return x * squares.masked_fill(zero, 1).rsqrt().masked_fill(zero, 0)


def _is_zero(x: Tensor) -> Tensor:
    return (x.detach() == 0).all(1).to(x.dtype)
