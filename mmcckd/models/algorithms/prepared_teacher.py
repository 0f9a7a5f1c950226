"""Make a network that is only used for inference faster."""
from dataclasses import dataclass
from typing import Any, Collection, List, Optional, Sequence

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..batch_norm_folding import FoldedNorm, fold_batch_norm
from .image_batches import Images, device_of, first_image
from .strict_loading import name_of

DTYPES = ('float32', 'bfloat16', 'float16')


@dataclass
class Preparation:
    """The changes that were made to a teacher.

    Args:
        teacher (nn.Module): The teacher.
        folded (List[FoldedNorm]): Its folded BatchNorms.
        dtype (torch.dtype): The previous dtype of its weights.
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
            name = name_of(self.teacher, module)
            raise ValueError(
                f'Weights are to be loaded into teacher.{name}, but the '
                'teacher has been prepared for inference, so only the weights '
                'of the complete teacher can be loaded. Load a checkpoint of '
                'the complete teacher, for example with '
                'mmengine.runner.load_checkpoint(model.teacher, file), or '
                'load this part before the first iteration.')
        for norm in self.folded:
            norm.put_back()
        self.teacher.to(self.dtype)


def prepare_teacher(teacher: nn.Module,
                    images: Images,
                    recorded: Collection[nn.Module],
                    dtype: Optional[str] = None,
                    data_samples: Optional[Sequence] = None) -> Preparation:
    """Fold the teacher's BatchNorms and set its precision, in place.

    Args:
        teacher (nn.Module): The teacher, in eval mode.
        images (Tensor | dict): Images for the teacher, (n, c, h, w), or
            ``dict(imgs=…)`` for a network of mmdet3d.
        recorded (Collection[nn.Module]): The modules that recorders record.
            They are not folded.
        dtype (str, optional): "float32", "bfloat16" or "float16". The weights
            and the inputs of the teacher are cast to it. Defaults to None,
            which does not change the precision.
        data_samples (Sequence, optional): The n samples of the images, which
            some detectors need. Defaults to None.

    Returns:
        Preparation: The changes.

    Raises:
        ValueError: If the teacher does not run with this dtype.
    """
    before = next(teacher.parameters()).dtype
    sample = None if data_samples is None else data_samples[:1]
    image = first_image(images)
    kind = device_of(images).type
    with torch.no_grad(), torch.autocast(kind, enabled=False):
        folded = fold_batch_norm(
            teacher, lambda: teacher(image, sample, mode='tensor'), recorded)
    if dtype is not None:
        # The mean and std of the data preprocessor apply to the images, and
        # the student may share it.
        preprocessor = teacher._modules.pop('data_preprocessor', None)
        teacher.to(getattr(torch, dtype))
        if preprocessor is not None:
            teacher.data_preprocessor = preprocessor
        with torch.no_grad(), torch.autocast(kind, enabled=False):
            _cast_where_needed(teacher, image, sample)
    return Preparation(teacher, folded, before)


def as_float32(data: Any) -> Any:
    """Convert half-precision tensors to float32, also within containers."""

    def widen(leaf):
        if isinstance(leaf, Tensor) and leaf.is_floating_point() and (
                leaf.dtype.itemsize < 4):
            return leaf.float()
        return leaf

    return tree_map(widen, data)


def _cast_where_needed(teacher: nn.Module, images: Images,
                       data_samples: Optional[Sequence]) -> None:
    """Cast the inputs of modules that get another dtype than their weights.

    These are the images, and what a network computes in float32 between its
    layers, such as the attention mask of a Swin Transformer. A forward pass
    shows which modules get such inputs.
    """
    hooks = []
    for module in teacher.modules():
        own = list(module.parameters(recurse=module is teacher))
        before = module._forward_pre_hooks.values()
        if own and not any(isinstance(hook, _CastInputs) for hook in before):
            hook = _CastInputs()
            handle = module.register_forward_pre_hook(hook, with_kwargs=True)
            hooks.append((hook, handle))
    try:
        teacher(images, data_samples, mode='tensor')
    except RuntimeError as error:
        if isinstance(error, torch.cuda.OutOfMemoryError):
            raise
        dtype = str(next(teacher.parameters()).dtype).replace('torch.', '')
        raise ValueError(
            f'The teacher cannot run with teacher_dtype={dtype!r}, since it '
            f'also computes in another precision: {error}. Remove '
            'teacher_dtype, and train with --amp if the teacher is to run in '
            'half precision.') from error
    for hook, handle in hooks:
        if not hook.used:
            handle.remove()


class _CastInputs:
    """A forward pre-hook that casts inputs to the dtype of the weights.

    ``used`` tells if it has changed any input.
    """

    def __init__(self) -> None:
        self.used = False

    def __call__(self, module, args, kwargs):
        dtype = next(module.parameters()).dtype

        def cast(leaf):
            if isinstance(leaf, Tensor) and leaf.is_floating_point() and (
                    leaf.dtype != dtype):
                self.used = True
                return leaf.to(dtype)
            return leaf

        return tree_map(cast, args), tree_map(cast, kwargs)
