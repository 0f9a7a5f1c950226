"""Make a network as fast as it can be when it is only ever evaluated."""
from typing import Any, Collection, Optional

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..batch_norm_folding import fold_batch_norm

DTYPES = ('float32', 'bfloat16', 'float16')


def prepare_teacher(teacher: nn.Module,
                    images: Tensor,
                    listened: Collection[nn.Module],
                    dtype: Optional[str] = None) -> int:
    """Fold the teacher's BatchNorms and set its precision, in place.

    Args:
        teacher (nn.Module): In eval mode.
        images (Tensor): Some images that it takes, (n, c, h, w).
        listened (Collection[nn.Module]): Modules that recorders listen to;
            they stay as they are.
        dtype (str, optional): "float32", "bfloat16" or "float16". The
            teacher's inputs are cast to it. Defaults to None, which leaves
            the weights as they are.

    Returns:
        int: How many BatchNorms were folded.
    """
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        folded = fold_batch_norm(
            teacher, lambda: teacher(images[:1], mode='tensor'), listened)
    if dtype is not None:
        # Its means are of the images, and it may be the student's too.
        preprocessor = teacher._modules.pop('data_preprocessor', None)
        teacher.to(getattr(torch, dtype))
        if preprocessor is not None:
            teacher.data_preprocessor = preprocessor
        teacher.register_forward_pre_hook(_CastInputs(), with_kwargs=True)
    return folded


def compile_around(model: nn.Module, listened: Collection[nn.Module]) -> None:
    """``torch.compile`` the largest parts in which nobody listens, in place.

    A part's own hooks stay outside of what is compiled, so recorders hear it.

    Args:
        model (nn.Module): A network.
        listened (Collection[nn.Module]): Modules that recorders listen to.
    """
    for child in model.children():
        if isinstance(child, BaseDataPreprocessor):
            continue  # not of the network, and random where it mixes batches
        inside = set(child.modules()) - {child}
        if inside.isdisjoint(listened):
            child.forward = torch.compile(child.forward)
        else:
            compile_around(child, listened)


def as_float32(data: Any) -> Any:
    """Half-precision tensors, in containers too, as float32."""

    def widen(leaf):
        if isinstance(leaf, Tensor) and leaf.is_floating_point() and (
                leaf.dtype.itemsize < 4):
            return leaf.float()
        return leaf

    return tree_map(widen, data)


class _CastInputs:
    """A pre-hook: images in the dtype of the network's weights."""

    def __call__(self, module, args, kwargs):
        dtype = next(module.parameters()).dtype

        def cast(leaf):
            if isinstance(leaf, Tensor) and leaf.is_floating_point():
                return leaf.to(dtype)
            return leaf

        return tree_map(cast, args), tree_map(cast, kwargs)
