"""Which images the networks of MMRazor's own algorithms get."""
import logging

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmrazor.models.algorithms import SelfDistill, SingleTeacherDistill
from torch import nn

from ..preprocessing import describe, expects_other
from .batch_mixing import mixed_by
from .frozen_teacher_distill import FrozenTeacherDistill
from .teacher_images import compare_student, feed_teacher


def match_images(model: nn.Module) -> None:
    """Give a teacher the images that it expects, and say what has no effect.

    :class:`.FrozenTeacherDistill` does so itself. MMRazor's algorithms stay as
    they are otherwise: what the student's ``train_cfg.augments`` say is not
    done, and said.

    Args:
        model (nn.Module): The model of a run, wrapped or not. Nothing is done
            with one that is no ``SingleTeacherDistill`` or ``SelfDistill``.

    Raises:
        ValueError: If the teacher expects other images than the run's, and
            they cannot be converted, or the algorithm calls parts of it.
    """
    model = _unwrap(model)
    # Others of MMRazor's make their images themselves, or do not distil.
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
                'The teacher expects other images than the student, which '
                f'{kind} does not give it.\n'
                '  data_preprocessor of the teacher: '
                f'{describe(teacher.data_preprocessor)}\n'
                f'  data_preprocessor of the run: {describe(run)}\n'
                'Have the run prepare images as the teacher expects them, set '
                'model.teacher.data_preprocessor=None if it does take those '
                'of the run, or distil by FrozenTeacherDistill, which '
                'converts them.')
        feed_teacher(teacher, run)
    compare_student(student, run)
    names = mixed_by(student.data_preprocessor)
    if names and not mixed_by(run):
        print_log(
            f'{" and ".join(names)} of the student\'s train_cfg.augments are '
            f'not done: {kind} prepares batches by data_preprocessor alone. '
            'Give --frozen-teacher, whose FrozenTeacherDistill does them, or '
            'set data_preprocessor.batch_augments.',
            logger='current',
            level=logging.WARNING)


def _unwrap(model: nn.Module) -> nn.Module:
    """MMEngine wraps the whole, or by ``MMSeparateDistributedDataParallel``
    each of the parts."""
    return model.module if is_model_wrapper(model) else model
