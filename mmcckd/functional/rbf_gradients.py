"""The Gaussian RBF with its gradient in closed form.

The autograd functions behind :func:`~mmcckd.functional.gaussian_rbf`, which
checks the arguments; ``docs/method.md`` derives the gradients. Where the
gradient itself has to be differentiable (``create_graph=True``), it is that of
the plain formulas in :mod:`.rbf_formulas`.
"""
import math
from functools import partial
from typing import Callable, List, Optional, Sequence

import torch
from torch import Tensor

from .rbf_formulas import exact_rbf, taylor_coefficients, taylor_rbf


def inverse_norms(x: Tensor) -> Tensor:
    """1 / ‖x_i‖ of each row, 0 for a row of zeros.

    ``F.normalize`` divides the gradient of a zero row by its epsilon, 1e-12,
    so that one zero feature would ruin an update of the network.
    """
    return _Norms.apply(x).reciprocal()


def inverse_or_0(norms: Tensor) -> Tensor:
    """1 / ‖x_i‖, 0 where the norm is 0."""
    return _infinite_for_0(norms).reciprocal()


class _Norms(torch.autograd.Function):
    """‖x_i‖, and infinity for a row of zeros, whose derivatives then are 0."""

    @staticmethod
    def forward(ctx, x):
        norms = _infinite_for_0(torch.linalg.vector_norm(x, dim=1))
        ctx.save_for_backward(x, norms)
        return norms

    @staticmethod
    def backward(ctx, grad):
        x, norms = ctx.saved_tensors
        return grad[:, None] * (x / norms[:, None])


def _infinite_for_0(norms: Tensor) -> Tensor:
    return norms.masked_fill(norms == 0, math.inf)


def horner(coefficients: Sequence[float],
           s: Tensor,
           out: Optional[Tensor] = None) -> Tensor:
    """``Σ_p coefficients[p] s^p`` with one new tensor and no power."""
    *lower, highest = coefficients
    if not lower:
        return torch.full_like(s, highest)
    out = torch.mul(s, highest, out=out)
    for coefficient in reversed(lower[1:]):
        out.add_(coefficient).mul_(s)
    return out.add_(lower[0])


class TaylorRBF(torch.autograd.Function):
    """K = T_P(S), where S_ij is the cosine of x_i and y_j.

    The gradient in closed form, with the polynomial's derivative 2γ T_{P−1},
    r_i = 1/‖x_i‖, q_j = 1/‖y_j‖ and W = dL/dK ∘ 2γ T_{P−1}(S)::

        dL/dx_i = Σ_j r_i W_ij q_j y_j − r_i² (Σ_j W_ij S_ij) x_i

    It takes one matrix product, where autograd's own way takes two and keeps
    several n × n matrices for each order; normalizing the correlations rather
    than the features saves passes over the (n, d) features, d often being the
    larger.
    """

    @staticmethod
    def forward(ctx, x, y, gamma, order):
        ctx.gamma, ctx.order = gamma, order
        s = x @ (x if y is None else y).t()
        if y is None:  # rounded as s is, so that its diagonal becomes 1
            scale_x = scale_y = inverse_or_0(s.diagonal().sqrt())
        else:
            scale_x, scale_y = inverse_norms(x), inverse_norms(y)
        s.mul_(scale_x[:, None]).mul_(scale_y)
        ctx.save_for_backward(x, y, s, scale_x, scale_y)
        return horner(taylor_coefficients(gamma, order), s)

    @staticmethod
    def backward(ctx, grad_k):
        x, y, s, scale_x, scale_y = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(taylor_rbf, gamma=ctx.gamma, order=ctx.order)
            return *differentiable(formula, x, y, grad_k, ctx), None, None
        lower = taylor_coefficients(ctx.gamma, ctx.order - 1)
        w = horner([2 * ctx.gamma * c for c in lower], s).mul_(grad_k)
        spare = w if y is None else None
        if y is None:
            w = _add_transposed(w)
        radial = torch.mul(w, s, out=spare)
        radial_x = radial.sum(1) * scale_x * scale_x
        radial_y = None if y is None else radial.sum(0) * scale_y * scale_y
        del radial, spare
        w.mul_(scale_x[:, None]).mul_(scale_y)
        grad_x = grad_y = None
        with torch.autocast(x.device.type, enabled=False):
            if y is None:
                w.diagonal().sub_(radial_x)
                return w @ x, None, None, None
            if ctx.needs_input_grad[0]:
                grad_x = (w @ y).sub_(radial_x[:, None] * x)
            if ctx.needs_input_grad[1]:
                grad_y = (w.t() @ x).sub_(radial_y[:, None] * y)
        return grad_x, grad_y, None, None


class ExactRBF(torch.autograd.Function):
    """K = exp(−γ‖x − y‖²), x and y of any length.

    ``‖x‖² + ‖y‖² − 2xᵀy`` cancels where it matters most, at near pairs of long
    features: float32 would leave an error of 1e-4 in K at ‖x‖² = 1,000. The
    distances are therefore taken in float64. The gradient, in closed form with
    W = dL/dK ∘ K, is ``dL/dx_i = −2γ Σ_j W_ij (x_i − y_j)``.
    """

    @staticmethod
    def forward(ctx, x, y, gamma):
        ctx.gamma = gamma
        # Centering keeps the distances, and reduces cancellation.
        center = x.mean(0, dtype=torch.float64)
        x64 = x - center
        y64 = x64 if y is None else y - center
        k = x64 @ y64.t()
        k.mul_(2).sub_(x64.square().sum(1)[:, None])
        k.sub_(y64.square().sum(1)).clamp_(max=0)
        k = k.mul_(gamma).exp_().to(x.dtype)
        ctx.save_for_backward(x, y, center.to(x.dtype), k)
        return k

    @staticmethod
    def backward(ctx, grad_k):
        x, y, center, k = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(exact_rbf, gamma=ctx.gamma)
            return *differentiable(formula, x, y, grad_k, ctx), None
        x, y = x - center, None if y is None else y - center
        w = (grad_k * k).mul_(2 * ctx.gamma)
        grad_x = grad_y = None
        with torch.autocast(x.device.type, enabled=False):
            if y is None:
                w = _add_transposed(w)
                w.diagonal().sub_(w.sum(1))
                return w @ x, None, None
            if ctx.needs_input_grad[0]:
                grad_x = (w @ y).sub_(w.sum(1)[:, None] * x)
            if ctx.needs_input_grad[1]:
                grad_y = (w.t() @ x).sub_(w.sum(0)[:, None] * y)
        return grad_x, grad_y, None


def differentiable(formula: Callable, x: Tensor, y: Optional[Tensor],
                    grad_k: Tensor, ctx) -> List[Optional[Tensor]]:
    """The gradients for x and y, as functions of x, y and ``grad_k``."""
    # Views, since x and y may be the same tensor.
    inputs = [None if t is None else t.view_as(t) for t in (x, y)]
    needed = ctx.needs_input_grad[:2]
    with torch.autocast(x.device.type, enabled=False):
        gradients = iter(
            torch.autograd.grad(
                formula(*inputs), [t for t, n in zip(inputs, needed) if n],
                grad_k,
                create_graph=True))
    return [next(gradients) if n else None for n in needed]


def _add_transposed(a: Tensor) -> Tensor:
    """``a + aᵀ``; adding a transposed copy is faster than adding ``a.t()``."""
    return a.t().contiguous().add_(a)
