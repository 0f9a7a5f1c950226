"""The Gaussian RBF with its gradient in closed form.

The autograd functions behind :func:`~mmcckd.functional.gaussian_rbf`, which
checks the arguments; ``docs/method.md`` derives the gradients.
"""
import math
from typing import Sequence, Tuple

import torch
from torch import Tensor


def inverse_norms(x: Tensor) -> Tensor:
    """1 / ‖x_i‖ of each row, 0 for a row of zeros."""
    return _invert(torch.linalg.vector_norm(x, dim=1))


def _invert(norms: Tensor) -> Tensor:
    """1 / norm, and 0 for 0.

    ``F.normalize`` divides the gradient of a zero row by its epsilon, 1e-12:
    one dead feature, and an update of the network is thrown away.
    """
    return norms.masked_fill(norms == 0, math.inf).reciprocal()


def _taylor_coefficients(gamma: float, order: int) -> Tuple[float, ...]:
    """``exp(−2γ) (2γ)^p / p!`` for p = 0 … P."""
    coefficients = [math.exp(-2 * gamma)]
    for p in range(1, order + 1):
        coefficients.append(coefficients[-1] * 2 * gamma / p)
    return tuple(coefficients)


def _horner(coefficients: Sequence[float], s: Tensor) -> Tensor:
    """``Σ_p coefficients[p] s^p`` with one new tensor and no power."""
    *lower, highest = coefficients
    if not lower:
        return torch.full_like(s, highest)
    out = s * highest
    for coefficient in reversed(lower[1:]):
        out.add_(coefficient).mul_(s)
    return out.add_(lower[0])


class TaylorRBF(torch.autograd.Function):
    """K = T_P(S), where S_ij is the cosine of x_i and y_j.

    The gradient in closed form, with the polynomial's derivative 2γ T_{P−1},
    r_i = 1/‖x_i‖, q_j = 1/‖y_j‖ and W = dL/dK ∘ 2γ T_{P−1}(S)::

        dL/dx_i = Σ_j r_i W_ij q_j y_j − r_i² (Σ_j W_ij S_ij) x_i

    It takes one matrix product, where autograd's own way takes two and keeps
    several n × n matrices for each order; normalising the correlations rather
    than the features saves passes over the (n, d) features, d often being the
    larger.
    """

    @staticmethod
    def forward(ctx, x, y, gamma, order):
        ctx.gamma, ctx.order = gamma, order
        s = _gram(x) if y is None else x @ y.t()
        if y is None:  # rounded as s is, so that its diagonal becomes 1
            scale_x = scale_y = _invert(s.diagonal().sqrt())
        else:
            scale_x, scale_y = inverse_norms(x), inverse_norms(y)
        s.mul_(scale_x[:, None]).mul_(scale_y)
        ctx.save_for_backward(x, y, s, scale_x, scale_y)
        return _horner(_taylor_coefficients(gamma, order), s)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_k):
        x, y, s, scale_x, scale_y = ctx.saved_tensors
        lower = _taylor_coefficients(ctx.gamma, ctx.order - 1)
        w = _horner([2 * ctx.gamma * c for c in lower], s).mul_(grad_k)
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
        # Distances do not depend on the origin; near it, less cancels.
        x64 = x.double()
        centre = x64.mean(0)
        x64 = x64 - centre
        y64 = x64 if y is None else y.double() - centre
        k = x64 @ y64.t()
        k.mul_(2).sub_(x64.square().sum(1)[:, None])
        k.sub_(y64.square().sum(1)).clamp_(max=0)
        k = k.mul_(gamma).exp_().to(x.dtype)
        ctx.save_for_backward(x64.to(x.dtype),
                              None if y is None else y64.to(x.dtype), k)
        return k

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_k):
        x, y, k = ctx.saved_tensors
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


def _gram(x: Tensor) -> Tensor:
    """``x xᵀ``; a large one on the CPU by blocks, each of a pair only once."""
    n = len(x)
    if n < 512 or x.device.type != 'cpu':
        return x @ x.t()
    gram = x.new_empty(n, n)
    block = -(-n // 4)
    for i in range(0, n, block):
        j = min(i + block, n)
        torch.mm(x[i:j], x[i:].t(), out=gram[i:j, i:])
        gram[j:, i:j] = gram[i:j, j:].t()
    return gram


def _add_transposed(a: Tensor) -> Tensor:
    """``a + aᵀ``; a transposed copy is blocked and fast, a sum is not."""
    return a.t().contiguous().add_(a)
