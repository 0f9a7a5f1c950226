"""Convert images to the normalization that the teacher was trained with.

MMRazor prepares a batch once, with the ``data_preprocessor`` of the algorithm,
and ignores those of the two networks.
"""
import copy
import logging
from typing import Optional, Tuple

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..preprocessing import (
    Preprocessing,
    describe,
    expects_other,
    is_known,
    preprocessing_of,
)

# Data preprocessors of mmdet and mmsegmentation, which pad to a common size.
PADDING = {'DetDataPreprocessor', 'SegDataPreProcessor'}


def convert_images_for_teacher(teacher: BaseModel,
                               preprocessor: nn.Module) -> None:
    """Make a teacher accept the images of the run's data preprocessor.

    If the teacher's own data preprocessor has another normalization or order
    of channels, a forward pre-hook of the teacher converts its images. The
    teacher's ``data_preprocessor`` becomes a copy of that of the run.

    Args:
        teacher (BaseModel): The teacher. It is changed in place.
        preprocessor (nn.Module): The data preprocessor of the run.

    Raises:
        ValueError: If the images cannot be converted. The message describes
            the two data preprocessors.
    """
    if expects_other(teacher, preprocessor):
        own = teacher.data_preprocessor
        reason = _why_not(own, preprocessor)
        if reason is not None:
            raise ValueError(
                'The teacher expects other images than the student, and they '
                f'cannot be converted: {reason}.\n'
                f'  data_preprocessor of the teacher: {describe(own)}\n'
                f'  data_preprocessor of the run: {describe(preprocessor)}\n'
                'Change data_preprocessor to what the teacher expects, or set '
                'model.teacher.data_preprocessor=None if the teacher accepts '
                'the images of the run.')
        given, expected = preprocessing_of(preprocessor), preprocessing_of(own)
        # prepend: if the teacher has such a hook already, the teacher's data
        # preprocessor describes the input of that hook.
        teacher.register_forward_pre_hook(
            ConvertImages(given, expected), prepend=True, with_kwargs=True)
        print_log(
            f'Images are converted for the teacher, from {given} to '
            f'{expected}.',
            logger='current')
    # A copy, since the teacher stays in eval mode.
    teacher.data_preprocessor = copy.deepcopy(preprocessor)


def compare_preprocessors(student: BaseModel, preprocessor: nn.Module) -> None:
    """Warn if the student's own data preprocessor differs from the run's.

    Args:
        student (BaseModel): The student.
        preprocessor (nn.Module): The data preprocessor of the run.
    """
    if expects_other(student, preprocessor):
        print_log(
            'The student\'s own data_preprocessor '
            f'({describe(student.data_preprocessor)}) is not used. The '
            'student is trained, tested and exported with that of the run '
            f'({describe(preprocessor)}). If the student starts from '
            'pretrained weights, set data_preprocessor of the run to the one '
            'that they were trained with.',
            logger='current',
            level=logging.WARNING)


class ConvertImages:
    """A forward pre-hook that converts images to another normalization.

    It computes x' = (x · std + mean − mean') / std' for each channel, as one
    affine map in float32. Red and blue are swapped before if only one of the
    two preprocessings swaps them.

    Args:
        given (Preprocessing): How the images were preprocessed, without
            padding.
        expected (Preprocessing): The preprocessing that the network expects.

    Raises:
        ValueError: At the first call, if ``given`` has no normalization, but
            the images have negative values. The data pipeline has normalized
            them then.
    """

    def __init__(self, given: Preprocessing, expected: Preprocessing) -> None:
        mean, std = _channels(given)
        expected_mean, expected_std = _channels(expected)
        self.swaps = given.swaps != expected.swaps
        if self.swaps:
            mean, std = mean.flip(0), std.flip(0)
        self.takes_pixels = given.mean is None
        self.scale = (std / expected_std).float()
        self.shift = ((mean - expected_mean) / expected_std).float()

    def __repr__(self) -> str:
        scale, shift = (values.flatten().tolist()
                        for values in (self.scale, self.shift))
        return (f'ConvertImages(swaps={self.swaps}, scale={scale}, '
                f'shift={shift})')

    def __call__(self, module: nn.Module, args: tuple, kwargs: dict):
        if args:
            args = (tree_map(self.convert, args[0]), *args[1:])
        else:
            kwargs = dict(
                kwargs, inputs=tree_map(self.convert, kwargs['inputs']))
        return args, kwargs

    def convert(self, images: Tensor) -> Tensor:
        """Convert images of shape (n, c, h, w) or (c, h, w)."""
        if self.takes_pixels:
            self.takes_pixels = False  # check the first batch only
            if images.min() < 0:
                raise ValueError(
                    'The data_preprocessor of the run does not normalize, '
                    'and that of the teacher does, but the images are '
                    'already normalized. If the data pipeline normalizes as '
                    'the teacher expects, set '
                    'model.teacher.data_preprocessor=None. Otherwise, '
                    'normalize in the data_preprocessor of the run.')
        if self.swaps and images.shape[-3] == 3:
            images = images.flip(-3)
        # Copied once: a copy to a GPU waits for it.
        self.scale = self.scale.to(images.device)
        self.shift = self.shift.to(images.device)
        converted = images.float() * self.scale + self.shift
        if images.is_floating_point():
            converted = converted.to(images.dtype)
        return converted


def _why_not(own: nn.Module, preprocessor: nn.Module) -> Optional[str]:
    """The reason why images cannot be converted, or None."""
    padding = 'the padding has a constant value, which is not normalized'
    unknown = {
        type(p).__name__
        for p in (own, preprocessor) if not is_known(p)
    }
    if unknown and unknown <= PADDING:
        return padding
    if unknown:
        return ('the forward method of '
                f'{" and ".join(sorted(unknown))} is unknown')
    expected, given = preprocessing_of(own), preprocessing_of(preprocessor)
    if expected.padding or given.padding:
        return padding
    if 0 in (expected.std or ()) + (given.std or ()):
        return 'a std is 0'
    channels = {len(p.mean) for p in (expected, given) if p.mean} - {1}
    if len(channels) > 1:
        return 'the numbers of channels differ'
    return None


def _channels(done: Preprocessing) -> Tuple[Tensor, Tensor]:
    """Mean and std, each (c, 1, 1)."""
    return tuple(
        torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)
        for values in (done.mean or (0., ), done.std or (1., )))
