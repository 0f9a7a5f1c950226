"""The Gaussian RBF of a large batch with itself, on the CPU.

The formulas of :mod:`.rbf_gradients`, applied to one block of the n × n
matrices after the other. A block stays in the cache from one operation to the
next, where operations on complete matrices would wait for memory, most of all
for memory that is newly allocated. The matrices are symmetric, so that only
the blocks on and above the diagonal are computed.
"""
from functools import partial
from typing import Callable, List, Sequence, Tuple

import torch
from torch import Tensor

from .rbf_formulas import exact_rbf, taylor_coefficients, taylor_rbf
from .rbf_gradients import differentiable, horner, inverse_or_0

# At most. 512 × 512 values in float32 take 1 MiB, a usual size of L2 caches.
BLOCK_SIZE = 512


def is_large(x: Tensor) -> bool:
    """Whether blocks of the n × n matrices of these features are faster."""
    return x.device.type == 'cpu' and len(x) >= BLOCK_SIZE


class BlockedTaylorRBF(torch.autograd.Function):
    """:class:`.TaylorRBF` of x and x."""

    @staticmethod
    def forward(ctx, x, gamma, order):
        ctx.gamma, ctx.order = gamma, order
        coefficients = taylor_coefficients(gamma, order)
        k = x.new_empty(len(x), len(x))
        xs, ks = _split(x), _blocks(k)
        scales, cosines = [], []
        for i, j in _upper_blocks(len(xs)):
            s = xs[i] @ xs[j].t()
            if i == j:
                scales.append(inverse_or_0(s.diagonal().sqrt()))
            s.mul_(scales[i][:, None]).mul_(scales[j])
            horner(coefficients, s, out=ks[i][j])
            if i != j:
                ks[j][i].copy_(_transposed(ks[i][j]))
            if ctx.needs_input_grad[0]:
                cosines.append(s)
        ctx.save_for_backward(x, *scales, *cosines)
        return k

    @staticmethod
    def backward(ctx, grad_k):
        x, *saved = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(taylor_rbf, gamma=ctx.gamma, order=ctx.order)
            return *differentiable(formula, x, None, grad_k, ctx), None
        blocks = len(_split(x))
        scales = saved[:blocks]
        cosines = dict(zip(_upper_blocks(blocks), saved[blocks:]))
        lower = taylor_coefficients(ctx.gamma, ctx.order - 1)
        derivative = [2 * ctx.gamma * c for c in lower]

        def weigh(i, j, g):
            s = cosines[i, j]
            w = horner(derivative, s).mul_(g)
            radial = w * s
            return w.mul_(scales[i][:, None]).mul_(scales[j]), radial

        squares = [scale.square() for scale in scales]
        return _gradient(x, grad_k, weigh, squares), None, None


class BlockedExactRBF(torch.autograd.Function):
    """:class:`.ExactRBF` of x and x."""

    @staticmethod
    def forward(ctx, x, gamma):
        ctx.gamma = gamma
        center = x.mean(0, dtype=torch.float64)
        centered = x - center
        k = x.new_empty(len(x), len(x))
        xs, ks = _split(centered), _blocks(k)
        squares = _split(centered.square().sum(1))
        for i, j in _upper_blocks(len(xs)):
            negative = xs[i] @ xs[j].t()
            negative.mul_(2).sub_(squares[i][:, None])
            negative.sub_(squares[j]).clamp_(max=0)
            ks[i][j].copy_(negative.mul_(gamma).exp_())
            if i != j:
                ks[j][i].copy_(_transposed(ks[i][j]))
        ctx.save_for_backward(x, center.to(x.dtype), k)
        return k

    @staticmethod
    def backward(ctx, grad_k):
        x, center, k = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(exact_rbf, gamma=ctx.gamma)
            return tuple(differentiable(formula, x, None, grad_k, ctx))
        ks = _blocks(k)

        def weigh(i, j, g):
            w = (g * ks[i][j]).mul_(2 * ctx.gamma)
            return w, w

        return _gradient(x - center, grad_k, weigh, [1] * len(ks)), None


def _gradient(x: Tensor, grad_k: Tensor, weigh: Callable,
              squares: Sequence) -> Tensor:
    """``Σ_j V_ij x_j − r_i² (Σ_j R_ij) x_i`` for each row x_i.

    ``weigh(i, j, g)`` turns a block of the symmetric dL/dK + (dL/dK)ᵀ into
    those of V and R; ``squares`` are the blocks of r².
    """
    grad_x, radial = torch.zeros_like(x), x.new_zeros(len(x))
    xs, grads, radials = map(_split, (x, grad_x, radial))
    gs = _blocks(grad_k)
    with torch.autocast('cpu', enabled=False):
        for i, j in reversed(_upper_blocks(len(xs))):
            v, r = weigh(i, j, gs[i][j] + _transposed(gs[j][i]))
            radials[i].add_(r.sum(1))
            if i == j:  # the last block of these rows
                v.diagonal().sub_(radials[i] * squares[i])
            else:  # and the block (j, i), which is its transpose
                radials[j].add_(r.sum(0))
                grads[j].addmm_(v.t(), xs[i])
            grads[i].addmm_(v, xs[j])
    return grad_x


def _upper_blocks(blocks: int) -> List[Tuple[int, int]]:
    """(i, j) with i ≤ j; (j, j) before the others of the index j."""
    return [(i, j) for j in range(blocks) for i in range(j, -1, -1)]


def _split(x: Tensor, dim: int = 0) -> Tuple[Tensor, ...]:
    """The rows (or columns) in two parts of equal size, or more."""
    parts = max(2, -(-x.shape[dim] // BLOCK_SIZE))
    return x.split(-(-x.shape[dim] // parts), dim)


def _blocks(matrix: Tensor) -> List[Tuple[Tensor, ...]]:
    """The block ``[i][j]`` of each part i of rows and j of columns."""
    return [_split(rows, 1) for rows in _split(matrix)]


def _transposed(block: Tensor) -> Tensor:
    """A transposed copy. PyTorch's is fast for contiguous matrices only."""
    return block.contiguous().t().contiguous()
