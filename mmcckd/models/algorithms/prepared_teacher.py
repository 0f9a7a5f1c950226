"""Make a network as fast as it can be when it is only ever evaluated."""
from dataclasses import dataclass
from typing import Any, Collection, List, Optional

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..batch_norm_folding import FoldedNorm, fold_batch_norm
from .strict_loading import name_in

DTYPES = ('float32', 'bfloat16', 'float16')


@dataclass
class Preparation:
    """What was done to a teacher.

    Args:
        teacher (nn.Module): The teacher.
        folded (List[FoldedNorm]): Its BatchNorms that were folded.
        dtype (torch.dtype): What its weights were before.
    """
    teacher: nn.Module
    folded: List[FoldedNorm]
    dtype: torch.dtype

    def undo_before_loading(self, module: nn.Module) -> None:
        """Restore the modules and the precision, but not the weights.

        Args:
            module (nn.Module): The module into which weights will be loaded.

        Raises:
            ValueError: If it is only a part of the teacher. The other parts
                would keep folded weights, which do not fit the restored
                modules.
        """
        if module is not self.teacher:
            name = name_in(self.teacher, module)
            raise ValueError(
                f'Weights are to be loaded into teacher.{name}, but the '
                'teacher has been prepared for inference, and takes weights '
                'as a whole only. Load a checkpoint of all of it, such as by '
                'mmengine.runner.load_checkpoint(model.teacher, file), or '
                'this part before the first iteration.')
        for norm in self.folded:
            norm.put_back()
        self.teacher.to(self.dtype)


def prepare_teacher(teacher: nn.Module,
                    images: Tensor,
                    listened: Collection[nn.Module],
                    dtype: Optional[str] = None) -> Preparation:
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
        Preparation: What was done.
    """
    before = next(teacher.parameters()).dtype
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        folded = fold_batch_norm(
            teacher, lambda: teacher(images[:1], mode='tensor'), listened)
    if dtype is not None:
        # Its means are of the images, and it may be the student's too.
        preprocessor = teacher._modules.pop('data_preprocessor', None)
        teacher.to(getattr(torch, dtype))
        if preprocessor is not None:
            teacher.data_preprocessor = preprocessor
        hooks = teacher._forward_pre_hooks.values()
        if not any(isinstance(hook, _CastInputs) for hook in hooks):
            teacher.register_forward_pre_hook(_CastInputs(), with_kwargs=True)
    return Preparation(teacher, folded, before)


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
