"""Images for the networks of MMRazor's own algorithms."""
import logging
from typing import Dict

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmrazor.models.algorithms import SelfDistill, SingleTeacherDistill
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from ..preprocessing import describe, expects_other
from .batch_mixing import batch_augment_names
from .frozen_teacher_distill import FrozenTeacherDistill
from .teacher_images import compare_preprocessors, convert_images_for_teacher


def match_images(model: nn.Module) -> None:
    """Convert the images for a teacher, and warn about unused settings.

    MMRazor's algorithms are not changed otherwise. In particular, the
    student's ``train_cfg.augments`` have no effect, and dropout and stochastic
    depth of the teacher remain active; there is a warning about either.
    :class:`.FrozenTeacherDistill` converts the images by itself.

    Args:
        model (nn.Module): The model of a run, wrapped or not. Models other
            than ``SingleTeacherDistill`` and ``SelfDistill`` are not changed.

    Raises:
        ValueError: If the teacher expects other images than those of the run,
            and they cannot be converted, or the algorithm calls parts of the
            teacher.
    """
    model = _unwrap(model)
    # MMRazor's other algorithms generate their images, or do not distill.
    if not isinstance(model, (SingleTeacherDistill, SelfDistill)) or (
            isinstance(model, FrozenTeacherDistill)):
        return
    kind, run = type(model).__name__, model.data_preprocessor
    student = _unwrap(model.architecture)
    if isinstance(model, SingleTeacherDistill):
        teacher = _unwrap(model.teacher)
        if type(model).loss is not SingleTeacherDistill.loss and (
                expects_other(teacher, run)):
            raise ValueError(
                'The teacher expects other images than the student, but '
                f'{kind} cannot convert them.\n'
                '  data_preprocessor of the teacher: '
                f'{describe(teacher.data_preprocessor)}\n'
                f'  data_preprocessor of the run: {describe(run)}\n'
                'Change data_preprocessor to what the teacher expects, set '
                'model.teacher.data_preprocessor=None if the teacher accepts '
                'the images of the run, or use FrozenTeacherDistill, which '
                'converts them.')
        convert_images_for_teacher(teacher, run)
        _warn_of_randomness(model, teacher)
    compare_preprocessors(student, run)
    names = batch_augment_names(student.data_preprocessor)
    if names and not batch_augment_names(run):
        print_log(
            'The student\'s train_cfg.augments '
            f'({", ".join(names)}) have no effect: {kind} only applies '
            'data_preprocessor.batch_augments. Set these, or use '
            '--frozen-teacher, since FrozenTeacherDistill applies '
            'train_cfg.augments.',
            logger='current',
            level=logging.WARNING)


def _warn_of_randomness(model: nn.Module, teacher: nn.Module) -> None:
    """MMRazor sets no part of a teacher but BatchNorm to eval mode."""
    rates: Dict[str, float] = {}
    for module in teacher.modules():
        name = type(module).__name__
        rate = getattr(module, 'p', 0) if isinstance(
            module, _DropoutNd) else getattr(module, 'drop_prob', 0)
        if 'Drop' in name and rate:
            rates[name] = max(rate, rates.get(name, 0))
    if rates and not model.teacher_trainable:
        listed = ', '.join(f'{name} up to {p:g}' for name, p in rates.items())
        print_log(
            f'The outputs of the teacher are random: {type(model).__name__} '
            f'keeps {listed} active, as in training. Use --frozen-teacher, or '
            'set the rates to 0 in the config of the teacher.',
            logger='current',
            level=logging.WARNING)


def _unwrap(model: nn.Module) -> nn.Module:
    """The model in a wrapper of MMEngine's. There is one around the algorithm,
    or, with ``MMSeparateDistributedDataParallel``, around each network."""
    return model.module if is_model_wrapper(model) else model
