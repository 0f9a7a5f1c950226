"""Give each network the images that it was trained on.

MMRazor prepares a batch once, by the algorithm's ``data_preprocessor``, and
does not look at those of the two networks.
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


def feed_teacher(teacher: BaseModel, preprocessor: nn.Module) -> None:
    """Let a teacher take what the run's data preprocessor makes of images.

    Where the teacher's own one has another normalization or order of channels,
    the teacher from now on converts the images of each call first. Its
    ``data_preprocessor`` becomes a copy of the run's.

    Args:
        teacher (BaseModel): The teacher; it is changed in place.
        preprocessor (nn.Module): The data preprocessor of the run.

    Raises:
        ValueError: If the images cannot be converted; the message says what
            the two do.
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
                'Have the run prepare images as the teacher expects them, or '
                'set model.teacher.data_preprocessor=None if it does take '
                'those of the run.')
        given, expected = preprocessing_of(preprocessor), preprocessing_of(own)
        # A teacher that has such a hook already now takes what that one does.
        teacher.register_forward_pre_hook(
            ConvertImages(given, expected), prepend=True, with_kwargs=True)
        print_log(
            'The teacher gets the images that it expects, '
            f'{expected}, converted from those of the run, {given}.',
            logger='current')
    # A copy, since the teacher stays in eval mode.
    teacher.data_preprocessor = copy.deepcopy(preprocessor)


def compare_student(student: BaseModel, preprocessor: nn.Module) -> None:
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
            f'({describe(preprocessor)}). If it starts from weights that '
            'expect its own, give the run that one.',
            logger='current',
            level=logging.WARNING)


class ConvertImages:
    """A pre-hook of a network that converts the images which it is given.

    x' = (x · std + mean − mean') / std' for each channel, as one affine map in
    float32; red and blue are swapped first if only one of the two does.

    Args:
        given (Preprocessing): What was done to the images; no padding.
        expected (Preprocessing): What the network expects.

    Raises:
        ValueError: At the first call, if images that nothing was said to have
            normalized have negative values, so that something has: the
            pipeline of the data.
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

    def __call__(self, module: nn.Module, args: tuple, kwargs: dict):
        if args:
            args = (tree_map(self.convert, args[0]), *args[1:])
        else:
            kwargs = dict(
                kwargs, inputs=tree_map(self.convert, kwargs['inputs']))
        return args, kwargs

    def convert(self, images: Tensor) -> Tensor:
        """Images (n, c, h, w) or (c, h, w), as the network expects them."""
        if self.takes_pixels:
            self.takes_pixels = False  # asked once
            if images.min() < 0:
                raise ValueError(
                    'The run\'s data_preprocessor does not normalize, and '
                    'that of the teacher does, but the images are normalized '
                    'already. If the pipeline does it as the teacher expects, '
                    'set model.teacher.data_preprocessor=None; otherwise '
                    'normalize in the run\'s data_preprocessor.')
        if self.swaps and images.shape[-3] == 3:
            images = images.flip(-3)
        converted = images.float() * self.scale.to(
            images.device) + self.shift.to(images.device)
        if images.is_floating_point():
            converted = converted.to(images.dtype)
        return converted


def _why_not(own: nn.Module, preprocessor: nn.Module) -> Optional[str]:
    """What stands against a conversion."""
    unknown = {
        type(p).__name__
        for p in (own, preprocessor) if not is_known(p)
    }
    if unknown:
        return f'{" and ".join(sorted(unknown))} may do more than they say'
    expected, given = preprocessing_of(own), preprocessing_of(preprocessor)
    if expected.padding or given.padding:
        return 'what is padded is not normalized'
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
