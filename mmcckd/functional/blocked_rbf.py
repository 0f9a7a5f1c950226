"""The Gaussian RBF of a large batch with itself, on the CPU.

The formulas of :mod:`.rbf_gradients`, applied to one block of the n × n
matrices after the other. A block stays in the cache from one operation to the
next, where operations on complete matrices would wait for memory, most of all
for memory that is newly allocated. The matrices are symmetric, so that only
the blocks on and above the diagonal are computed.
"""
from functools import partial
from typing import Callable, List, Tuple

import torch
from torch import Tensor

from . import centered_features as centered
from . import taylor_series
from .centered_features import Centered
from .rbf_formulas import exact_rbf, taylor_rbf
from .rbf_gradients import differentiable

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
        a, _, c = centered.center(x, None, x.dtype, True)
        k = x.new_empty(len(x), len(x))
        parts, ks = _parts(a), _blocks(k)
        halves, ts = [], []
        for i, j in _upper_blocks(len(parts)):
            t = centered.products(parts[i], parts[j])
            if i == j:
                half = centered.half_squares(parts[i], t)
                halves.append(centered.for_cosines(half, parts[i]))
            t.sub_(halves[i][:, None]).sub_(halves[j])
            taylor_series.value(t, gamma, order, out=ks[i][j])
            if ctx.needs_input_grad[0]:
                ts.append(t)
            del t  # before memory for the next is allocated
            if i != j:
                ks[j][i].copy_(_transposed(ks[i][j]))
        ctx.save_for_backward(x, c, *a[1:], *ts)
        return k

    @staticmethod
    def backward(ctx, grad_k):
        x, *saved = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(taylor_rbf, gamma=ctx.gamma, order=ctx.order)
            return *differentiable(formula, x, None, grad_k, ctx), None
        a = centered.relative(x, *saved[:3])
        ts = dict(zip(_upper_blocks(len(_split(x))), saved[3:]))

        def weigh(i, j, g):
            return taylor_series.derivative(
                ts[i, j], ctx.gamma, ctx.order).mul_(g)

        return _gradient(x, a, grad_k, weigh), None, None


class BlockedExactRBF(torch.autograd.Function):
    """:class:`.ExactRBF` of x and x."""

    @staticmethod
    def forward(ctx, x, gamma, normalized):
        ctx.gamma, ctx.normalized = gamma, normalized
        a, _, c = centered.center(x, None, torch.float64, normalized)
        k = a.features.new_empty(len(x), len(x))
        parts, ks = _parts(a), _blocks(k)
        halves = []
        for i, j in _upper_blocks(len(parts)):
            t = centered.products(parts[i], parts[j])
            if i == j:
                halves.append(centered.half_squares(parts[i], t))
            t.sub_(halves[i][:, None]).sub_(halves[j]).clamp_(max=0)
            torch.exp(t.mul_(2 * gamma), out=ks[i][j])
            if i != j:
                ks[j][i].copy_(_transposed(ks[i][j]))
        rounded = (None if t is None else t.to(x.dtype) for t in (c, *a[1:]))
        ctx.save_for_backward(x, *rounded, k)
        return k

    @staticmethod
    def backward(ctx, grad_k):
        x, *saved, k = ctx.saved_tensors
        if torch.is_grad_enabled():
            formula = partial(
                exact_rbf, gamma=ctx.gamma, normalized=ctx.normalized)
            return *differentiable(formula, x, None, grad_k, ctx), None
        ks = _blocks(k)

        def weigh(i, j, g):
            return g.mul_(ks[i][j]).mul_(2 * ctx.gamma).to(x.dtype)

        a = centered.relative(x, *saved)
        return _gradient(x, a, grad_k, weigh), None, None


def _gradient(x: Tensor, a: Centered, grad_k: Tensor,
              weigh: Callable) -> Tensor:
    """The gradient for x from the blocks of a symmetric W.

    ``weigh(i, j, g)`` turns a block of dL/dK + (dL/dK)ᵀ into that of W.
    """
    grad_x, sums = torch.zeros_like(x), x.new_zeros(len(x))
    parts, grads, sums = _parts(a), _split(grad_x), _split(sums)
    gs = _blocks(grad_k)
    with torch.autocast('cpu', enabled=False):
        for i, j in reversed(_upper_blocks(len(parts))):
            w = weigh(i, j, gs[i][j] + _transposed(gs[j][i]))
            w = centered.scale(w, parts[i], parts[j])
            sums[i].add_(centered.sums(w, parts[i], parts[j]))
            if i == j:  # the last block of these rows
                w.diagonal().sub_(sums[i])
            else:  # and the block (j, i), which is its transpose
                sums[j].add_(centered.sums(w.t(), parts[j], parts[i]))
                grads[j].addmm_(w.t(), parts[i].features)
            grads[i].addmm_(w, parts[j].features)
        return centered.remove_radial(grad_x, x, a)


def _parts(a: Centered) -> List[Centered]:
    """The rows of a :class:`.Centered` in parts."""
    columns = ([None] * len(_split(a.features)) if t is None else _split(t)
               for t in a)
    return [Centered(*rows) for rows in zip(*columns)]


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
