"""Features relative to a common center.

The Gaussian RBF depends only on the differences of features. If all features
are close to one point, their differences are lost in the rounding errors of
normalized features and of their inner products. Centered features keep them.
"""
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor


class Centered(NamedTuple):
    """Features z_i that are centered, and normalized before if required.

    Attributes:
        features (Tensor): ``‖x_i‖ z_i = x_i − ‖x_i‖ c``, (n, d), if they are
            normalized, else ``z_i = x_i − c``.
        norms (Tensor, optional): ``‖x_i‖``, (n, ), and 1 for a row of zeros;
            None if the features are not normalized.
        scales (Tensor, optional): ``1 / ‖x_i‖``, and 0 for a row of zeros.
    """
    features: Tensor
    norms: Optional[Tensor] = None
    scales: Optional[Tensor] = None


def center(x: Tensor, y: Optional[Tensor], dtype: torch.dtype,
           normalized: bool) -> Tuple[Centered, Centered, Tensor]:
    """Center x and y.

    Args:
        x (Tensor): Features, (n, d).
        y (Tensor, optional): Features, (m, d); None stands for x.
        dtype (torch.dtype): In which to compute.
        normalized (bool): Whether to normalize the features.

    Returns:
        tuple[Centered, Centered, Tensor]: Those of x and of y, which are the
        same object without y, and the center c, (d, ).
    """
    x, y = x.to(dtype), None if y is None else y.to(dtype)
    c = x.mean(0)
    lengths = _lengths(x) if normalized else (None, None)
    if normalized:
        c = c / lengths[0].mean()
    a = relative(x, c, *lengths)
    if y is None:
        return a, a, c
    return a, relative(y, c, *(_lengths(y) if normalized else lengths)), c


def relative(x: Tensor, c: Tensor, norms: Optional[Tensor],
             scales: Optional[Tensor]) -> Centered:
    """Center x at a known center."""
    # addr() rounds x − ‖x‖ c once where the processor has such an operation.
    features = x - c if norms is None else torch.addr(x, norms, c, alpha=-1)
    return Centered(features, norms, scales)


def products(a: Centered, b: Centered) -> Tensor:
    """``z_iᵀ z_j``, (n, m)."""
    s = a.features @ b.features.t()
    if a.norms is None:
        return s
    return s.mul_(a.norms.reciprocal()[:, None]).mul_(b.norms.reciprocal())


def half_squares(a: Centered, s: Optional[Tensor] = None) -> Tensor:
    """``‖z_i‖²/2``, (n, ).

    From the diagonal of ``s = products(a, a)`` if given, so that the distance
    of a feature from itself is exactly 0.
    """
    if s is not None:
        return s.diagonal() / 2
    squares = torch.linalg.vecdot(a.features, a.features)
    return (squares if a.norms is None else squares / a.norms.square()) / 2


def for_cosines(half: Tensor, a: Centered) -> Tensor:
    """Increase half squares so that rows of zeros have cosines of 0."""
    return half.add_(a.scales == 0, alpha=0.5)


def scale(w: Tensor, a: Centered, b: Centered) -> Tensor:
    """Divide weights of z_i and z_j by ``‖x_i‖ ‖x_j‖``, in place.

    Rows of zeros get no weight.
    """
    if a.scales is None:
        return w
    return w.mul_(a.scales[:, None]).mul_(b.scales)


def sums(w: Tensor, a: Centered, b: Centered) -> Tensor:
    """Weights of ``a.features`` in ``Σ_j w_ij (z_j − z_i)``, w is scaled."""
    return w.sum(1) if a.scales is None else (w @ b.norms).mul_(a.scales)


def remove_radial(grad: Tensor, x: Tensor, a: Centered) -> Tensor:
    """Remove the component along x_i, if normalized, in place."""
    if a.scales is None:
        return grad
    radial = torch.linalg.vecdot(x, grad).mul_(a.scales).mul_(a.scales)
    return grad.addcmul_(radial[:, None], x, value=-1)


def _lengths(x: Tensor) -> Tuple[Tensor, Tensor]:
    norms = torch.linalg.vector_norm(x, dim=1)
    zero = norms == 0
    norms = norms.masked_fill(zero, 1)
    return norms, norms.reciprocal().masked_fill(zero, 0)
