"""The Taylor expansion of the Gaussian RBF near equal features.

Its argument is ``t = S − 1``, minus half of the squared distance of two
features of length 1, where S is their cosine. In float32, t keeps differences
of features that almost coincide, while S rounds them off.
"""
import math
from typing import List, Optional, Sequence

import torch
from torch import Tensor


def coefficients(gamma: float, order: int) -> List[float]:
    """``a_p = exp(−2γ) (2γ)^p / p!`` for p = 0 … P."""
    a = [math.exp(-2 * gamma)]
    for p in range(1, order + 1):
        a.append(a[-1] * 2 * gamma / p)
    return a


def value(t: Tensor,
          gamma: float,
          order: int,
          out: Optional[Tensor] = None) -> Tensor:
    """``T_P(1 + t)``.

    Computed as ``T_P(1) + t Σ_{k<P} (Σ_{p>k} a_p) (1 + t)^k``, which rounds
    once if t is small.
    """
    a = coefficients(gamma, order)
    sums = [math.fsum(a[k:]) for k in range(order + 1)]
    return horner(sums[1:], t, out).mul_(t).add_(sums[0])


def derivative(t: Tensor, gamma: float, order: int) -> Tensor:
    """``2γ T_{P−1}(1 + t)``, the derivative of :func:`value`."""
    return horner([2 * gamma * a for a in coefficients(gamma, order - 1)], t)


def horner(c: Sequence[float],
           t: Tensor,
           out: Optional[Tensor] = None) -> Tensor:
    """``Σ_p c_p (1 + t)^p`` with one new tensor and no power."""
    *lower, highest = c
    out = torch.empty_like(t) if out is None else out
    if not lower:
        return out.fill_(highest)
    torch.mul(t, highest, out=out).add_(highest + lower[-1])
    for coefficient in reversed(lower[:-1]):
        out.addcmul_(out, t).add_(coefficient)
    return out
