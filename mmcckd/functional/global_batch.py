"""The features of a global batch, without backward communication.

A rank r of W has n samples and computes its rows of the correlation matrix of
all N = W n samples, so that

    L_r = 1/(n N) Σ_{i in r} Σ_j (K^s_ij − K^t_ij)²,   1/W Σ_r L_r = L_CC.

A feature x_i stands in row i and, the kernel being symmetric, the same way in
column i. What it gets through the columns, over all ranks, is therefore what
it gets through its row, and twice the gradient of the row is the whole one:

    dL_CC/dx_i = 1/W · 2 · (dL_r/dx_i through row i).

So the columns can be constants, and the mean over ranks, which DDP takes of
the gradients anyway, supplies the 1/W.
"""
from typing import Tuple

import torch
from mmengine.dist import all_gather
from torch import Tensor


def rows_and_columns(x: Tensor) -> Tuple[Tensor, Tensor]:
    """This rank's features and those of all ranks.

    Args:
        x (Tensor): Features of this rank's samples, (n, d).

    Returns:
        Tuple[Tensor, Tensor]: ``x``, (n, d), through which the gradient is
        doubled; and the features of all ranks in their order,
        (world_size · n, d), without a gradient. For a symmetric function of
        the two alone, such as a correlation kernel, and a loss that treats an
        entry of its matrix as it does the transposed one.

    Raises:
        ValueError: If the ranks have different numbers of samples; on all of
            them.
    """
    # A collective with shapes that differ would hang, or mix up samples.
    sizes = torch.cat(all_gather(torch.tensor([len(x)], device=x.device)))
    if (sizes != len(x)).any():
        raise ValueError(
            'gather=True needs batches of one size on all ranks, but they '
            f'have {sizes.tolist()} samples; use a sampler that gives each '
            "rank the same (MMEngine's DefaultSampler and mmcckd's do), or "
            'drop the incomplete last batch.')
    columns = torch.cat(all_gather(x.detach().contiguous()))
    return _DoubledGradient.apply(x), columns


class _DoubledGradient(torch.autograd.Function):
    """The identity, with twice the gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad
