"""Mixup, CutMix and the like, of which both networks see the same images.

MMPretrain builds what ``train_cfg.augments`` of a classifier says into the
classifier's own data preprocessor, which MMRazor does not use.
"""
import copy
from typing import List, Optional

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmpretrain.models import ClsDataPreprocessor, MultiTaskHead
from mmrazor.models.losses import WSLD, DKDLoss
from torch import nn

OFF = ('Leave the mixing out, by model.architecture.train_cfg=None and no '
       'batch_augments in data_preprocessor')


def mixed_by(preprocessor: nn.Module) -> List[str]:
    """Names of what a data preprocessor mixes batches by, such as "Mixup"."""
    augments = getattr(preprocessor, 'batch_augments', None)
    return [
        type(augment).__name__ for augment in getattr(augments, 'augments', ())
        if augment is not None
    ]


def mix_as_student_says(student: BaseModel, preprocessor: nn.Module,
                        distiller: nn.Module) -> None:
    """Have the run mix batches as the student's ``train_cfg.augments`` say.

    The labels become scores (n, classes). ``batch_augments`` of the run's own
    data preprocessor come first, as in MMPretrain.

    Args:
        student (BaseModel): The student, with its own data preprocessor.
        preprocessor (nn.Module): The data preprocessor of the run; it is
            changed in place.
        distiller (nn.Module): The distiller.

    Raises:
        ValueError: If the run's data preprocessor cannot mix, or if a head or
            a loss takes one label for an image.
    """
    own = student.data_preprocessor
    if mixed_by(own) and not mixed_by(preprocessor):
        names = ' and '.join(mixed_by(own))
        if not isinstance(preprocessor, ClsDataPreprocessor):
            raise ValueError(
                f'The student\'s train_cfg.augments ask for {names}, but the '
                f'data_preprocessor of the run is of the type '
                f'{type(preprocessor).__name__}, which mixes no batches. Set '
                'data_preprocessor.type to mmpretrain.ClsDataPreprocessor '
                '(with to_rgb for bgr_to_rgb), or leave the mixing out, by '
                'model.architecture.train_cfg=None.')
        preprocessor.batch_augments = own.batch_augments
        preprocessor.to_onehot = True
        print_log(
            f'Batches are mixed by {names}, as the student\'s '
            'train_cfg.augments say; both networks see the mixed images.',
            logger='current')
    if mixed_by(preprocessor):
        classes = _num_classes(student, preprocessor)
        if classes is None:
            raise ValueError(
                f'The batches are mixed by {", ".join(mixed_by(preprocessor))}'
                ', which needs data_preprocessor.num_classes; set it to the '
                'number of classes of the student.')
        preprocessor.num_classes = classes
        _check_takes_scores(student, classes)
        _check_distiller(distiller)


def _num_classes(student: BaseModel, preprocessor: nn.Module
                 ) -> Optional[int]:
    """What the head has counts, since its logits meet the scores."""
    for part in (getattr(student, 'head', None), student.data_preprocessor,
                 preprocessor):
        classes = getattr(part, 'num_classes', None)
        if classes is not None:
            return classes
    return None


def _check_takes_scores(student: BaseModel, classes: int) -> None:
    """Raise if the student cannot learn from scores in place of labels."""
    head = getattr(student, 'head', student)  # timm's has none of its own
    if isinstance(head, MultiTaskHead) or not getattr(head, 'takes_scores',
                                                      True):
        raise ValueError(
            f'The student\'s head is a {type(head).__name__}, which takes one '
            'label for an image, and a mixed image has several. '
            f'{OFF}.')
    if getattr(head, 'cal_acc', False):
        raise ValueError(
            'The student\'s head has cal_acc=True, but a mixed image has no '
            f'single label to be right about. Set cal_acc=False. {OFF}.')
    loss = getattr(head, 'loss_module', None)
    if loss is None:
        return
    try:  # a copy, for some count what they have seen
        copy.deepcopy(loss)(
            torch.zeros(2, classes), torch.full((2, classes), 1 / classes))
    except Exception as error:  # whatever a loss says of scores
        raise ValueError(
            f'The student\'s {type(loss).__name__} takes no scores (n, '
            f'classes) in place of labels, as mixed images have '
            f'({type(error).__name__}: {error}). Take another, such as '
            f'LabelSmoothLoss or CrossEntropyLoss. {OFF}.') from error


def _check_distiller(distiller: nn.Module) -> None:
    for name, loss in distiller.distill_losses.items():
        if isinstance(loss, (DKDLoss, WSLD)):
            raise ValueError(
                f'{name}, a {type(loss).__name__}, takes one label for an '
                'image, and a mixed image has several. '
                f'{OFF}.')
