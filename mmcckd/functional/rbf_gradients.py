"""The Gaussian RBF with its gradient in closed form.

The autograd functions behind :func:`~mmcckd.functional.gaussian_rbf`, which
checks the arguments; ``docs/method.md`` derives the gradients. Where the
gradient itself has to be differentiable (``create_graph=True``), it is that of
the plain formulas in :mod:`.rbf_formulas`.
"""
from functools import partial
from typing import Callable, List, Optional

import torch
from torch import Tensor

from . import centered_features as centered
from . import taylor_series
from .rbf_formulas import exact_rbf, taylor_rbf


class TaylorRBF(torch.autograd.Function):
    """K = T_P(S), where S_ij is the cosine of x_i and y_j.

    For features z of length 1, ``S_ij = 1 − ‖z_i − z_j‖²/2``. The gradient in
    closed form, with the polynomial's derivative 2γ T_{P−1}, r_i = 1/‖x_i‖ and
    W = dL/dK ∘ 2γ T_{P−1}(S)::

        dL/dx_i = r_i (I − r_i² x_i x_iᵀ) Σ_j W_ij (z_j − z_i)

    It takes one matrix product, where autograd's own way takes two and keeps
    several n × n matrices for each order. Scaling n × n matrices by r_i saves
    passes over the (n, d) features, d often being the larger.
    """

    @staticmethod
    def forward(ctx, x, y, gamma, order):
        ctx.gamma, ctx.order = gamma, order
        a, b, c = centered.center(x, y, x.dtype, True)
        t = centered.products(a, b)
        half = half_b = centered.for_cosines(
            centered.half_squares(a, t if y is None else None), a)
        if y is not None:
            half_b = centered.for_cosines(centered.half_squares(b), b)
        t.sub_(half[:, None]).sub_(half_b)
        ctx.save_for_backward(x, y, c, *a[1:], *b[1:], t)
        return taylor_series.value(t, gamma, order)

    @staticmethod
    def backward(ctx, grad_k):
        x, y, *saved, t = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(taylor_rbf, gamma=ctx.gamma, order=ctx.order)
            return *differentiable(formula, x, y, grad_k, ctx), None, None
        w = taylor_series.derivative(t, ctx.gamma, ctx.order).mul_(grad_k)
        return *_gradients(w, x, y, saved, ctx), None, None


class ExactRBF(torch.autograd.Function):
    """K = exp(−γ‖z_i − z_j‖²) in float64, where z is x and y, or normalized.

    Where two networks map all samples to almost the same feature, all
    correlations are almost 1, and float32 would round off their differences.
    Distances are computed in float64, too: in float32, those of near pairs of
    long features would cancel. The gradient in closed form, with
    W = dL/dK ∘ 2γK, is ``Σ_j W_ij (z_j − z_i)`` for z_i, and as in
    :class:`TaylorRBF` for x_i.
    """

    @staticmethod
    def forward(ctx, x, y, gamma, normalized):
        ctx.gamma, ctx.normalized = gamma, normalized
        a, b, c = centered.center(x, y, torch.float64, normalized)
        k = centered.products(a, b)
        half = centered.half_squares(a, k if y is None else None)
        half_b = half if y is None else centered.half_squares(b)
        k.sub_(half[:, None]).sub_(half_b).clamp_(max=0)
        k.mul_(2 * gamma).exp_()
        rounded = (None if t is None else t.to(x.dtype)
                   for t in (c, *a[1:], *b[1:]))
        ctx.save_for_backward(x, y, *rounded, k)
        return k

    @staticmethod
    def backward(ctx, grad_k):
        x, y, *saved, k = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(
                exact_rbf, gamma=ctx.gamma, normalized=ctx.normalized)
            return *differentiable(formula, x, y, grad_k, ctx), None, None
        w = (grad_k * k).mul_(2 * ctx.gamma).to(x.dtype)
        return *_gradients(w, x, y, saved, ctx), None, None


def _gradients(w, x, y, saved, ctx):
    """The gradients for x and y from W, which is changed."""
    c, *lengths = saved
    a = centered.relative(x, c, *lengths[:2])
    with torch.autocast(x.device.type, enabled=False):
        if y is None:
            w = centered.scale(_add_transposed(w), a, a)
            w.diagonal().sub_(centered.sums(w, a, a))
            return centered.remove_radial(w @ a.features, x, a), None
        b = centered.relative(y, c, *lengths[2:])
        w = centered.scale(w, a, b)
        needs_x, needs_y = ctx.needs_input_grad[:2]
        return (_gradient(w, x, a, b) if needs_x else None,
                _gradient(w.t(), y, b, a) if needs_y else None)


def _gradient(w, x, a, b):
    sums = centered.sums(w, a, b)[:, None]
    grad = (w @ b.features).addcmul_(sums, a.features, value=-1)
    return centered.remove_radial(grad, x, a)


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
