"""The Gaussian RBF in plain tensor operations.

Slower than :mod:`.rbf_gradients` and with more memory, but autograd can
differentiate them any number of times, ``torch.func`` can transform them, and
``torch.compile`` can trace them. Arguments are those of the autograd functions
there.
"""
import math
from typing import Optional, Tuple

from torch import Tensor


def taylor_rbf(x: Tensor, y: Optional[Tensor], gamma: float,
               order: int) -> Tensor:
    """``T_P(S)``, where S_ij is the cosine of x_i and y_j."""
    x = normalize(x)
    s = x @ (x if y is None else normalize(y)).t()
    *lower, k = taylor_coefficients(gamma, order)
    for coefficient in reversed(lower):
        k = k * s + coefficient
    return k


def exact_rbf(x: Tensor, y: Optional[Tensor], gamma: float) -> Tensor:
    """``exp(−γ‖x_i − y_j‖²)``, with the distances in float64."""
    dtype = x.dtype
    x = x.double()
    center = x.detach().mean(0)
    x = x - center
    y = x if y is None else y.double() - center
    negative = (2 * (x @ y.t()) - x.square().sum(1)[:, None] -
                y.square().sum(1))
    # Positive only due to rounding. clamp() would make the entry a constant.
    negative = negative - negative.detach().clamp(min=0)
    return (gamma * negative).exp().to(dtype)


def normalize(x: Tensor) -> Tensor:
    """Scale rows to length 1. A row of zeros is kept, and gets no gradient."""
    squares = x.square().sum(1, keepdim=True)
    zero = squares == 0
    return x * squares.masked_fill(zero, 1).rsqrt().masked_fill(zero, 0)


def taylor_coefficients(gamma: float, order: int) -> Tuple[float, ...]:
    """``exp(−2γ) (2γ)^p / p!`` for p = 0 … P."""
    coefficients = [math.exp(-2 * gamma)]
    for p in range(1, order + 1):
        coefficients.append(coefficients[-1] * 2 * gamma / p)
    return tuple(coefficients)
