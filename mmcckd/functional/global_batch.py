"""The features of a global batch, without backward communication.

A rank r of W has n samples and computes its rows of the correlation matrix of
all N = W n samples, so that

    L_r = 1/(n N) Σ_{i in r} Σ_j (K^s_ij − K^t_ij)²,   1/W Σ_r L_r = L_CC.

A feature x_i is in row i and, since the kernel is symmetric, in the same way
in column i. The gradient that it gets through the columns, over all ranks,
is therefore that through its row, and the full gradient is twice that of the
row:

    dL_CC/dx_i = 1/W · 2 · (dL_r/dx_i through row i).

So the columns can be constants, and the mean over ranks, which DDP takes of
the gradients anyway, supplies the 1/W.
"""
from typing import List, MutableMapping, Optional, Tuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, distributed

from .transforms import is_transformed

# Size of the last batch of this rank, by process group.
_last_sizes: MutableMapping[object, int] = WeakKeyDictionary()


def rows_and_columns(x: Tensor) -> Tuple[Tensor, Optional[Tensor]]:
    """Return the features of this rank, and those of all ranks.

    The doubled gradient is correct only for a symmetric function of these two,
    such as a correlation kernel, followed by a loss that treats the entries
    (i, j) and (j, i) of its matrix in the same way.

    Args:
        x (Tensor): Features of this rank's samples, (n, d).

    Returns:
        Tuple[Tensor, Tensor or None]: ``x``, (n, d), through which the
        gradient is doubled; and the features of all ranks in their order,
        (world_size · n, d), without a gradient. Without a process group, or
        in one of a single rank: ``x`` and None.

    Raises:
        ValueError: If the ranks have different numbers of samples. With NCCL,
            ranks whose batch has the size of the one before do not wait for
            the sizes of the others. They may raise no error, but end when the
            others do.
        NotImplementedError: Under ``torch.compile`` or a transform of
            ``torch.func``, and in the backward pass with
            ``create_graph=True``.
    """
    if (not distributed.is_available() or not distributed.is_initialized()
            or distributed.get_world_size() == 1):
        return x, None
    if is_transformed():
        raise NotImplementedError(
            'gather=True exchanges features between processes, which '
            'torch.compile and torch.func cannot trace; compute the CC loss '
            'outside of them, or use gather=False.')
    # A collective with shapes that differ would hang, or mix up samples. All
    # ranks exchange their sizes, but reading those of the others waits for a
    # GPU. If the last sizes were equal and these are not, a size has changed.
    group = distributed.group.WORLD
    sizes = torch.cat(_all_gather(torch.full((1, ), len(x), device=x.device)))
    if (sizes.device.type != 'cuda' or _last_sizes.get(group) != len(x)) and (
            sizes != len(x)).any():
        raise ValueError(
            'gather=True needs batches of one size on all ranks, but they '
            f'have {sizes.tolist()} samples; use a sampler that gives each '
            "rank the same (MMEngine's DefaultSampler and mmcckd's do), or "
            'drop the incomplete last batch.')
    _last_sizes[group] = len(x)
    columns = torch.cat(_all_gather(x.detach().contiguous()))
    return _DoubledGradient.apply(x), columns


def _all_gather(x: Tensor) -> List[Tensor]:
    # Gloo gathers tensors on the CPU only.
    device = 'cpu' if distributed.get_backend() == 'gloo' else x.device
    gathered = [
        torch.empty_like(x, device=device)
        for _ in range(distributed.get_world_size())
    ]
    distributed.all_gather(gathered, x.to(device))
    return [part.to(x.device) for part in gathered]


class _DoubledGradient(torch.autograd.Function):
    """The identity, with twice the gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        if torch.is_grad_enabled():  # create_graph=True
            raise NotImplementedError(
                'gather=True has a first derivative only, since the features '
                'of the other ranks count as constants; use gather=False '
                'where a gradient is differentiated again.')
        return 2 * grad
