"""Mixup, CutMix and similar augmentations of batches, for both networks.

MMPretrain adds the ``train_cfg.augments`` of a classifier to the classifier's
own data preprocessor, which MMRazor does not use.
"""
import copy
from typing import List, Optional

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmpretrain.models import ClsDataPreprocessor, MultiTaskHead
from mmrazor.models.losses import WSLD, DKDLoss
from torch import nn

TURN_OFF = ('Turn the mixing off: set model.architecture.train_cfg=None and '
            'remove batch_augments from data_preprocessor')


def batch_augment_names(preprocessor: nn.Module) -> List[str]:
    """Names of the batch augmentations of a data preprocessor, such as
    "Mixup"."""
    augments = getattr(preprocessor, 'batch_augments', None)
    return [
        type(augment).__name__ for augment in getattr(augments, 'augments', ())
        if augment is not None
    ]


def use_augments_of_student(student: BaseModel, preprocessor: nn.Module,
                            distiller: nn.Module) -> None:
    """Apply the student's ``train_cfg.augments`` to the batches of the run.

    The labels become scores of shape (n, num_classes). If the data
    preprocessor of the run has ``batch_augments``, these are used instead, as
    in MMPretrain.

    Args:
        student (BaseModel): The student, with its own data preprocessor.
        preprocessor (nn.Module): The data preprocessor of the run. It is
            changed in place.
        distiller (nn.Module): The distiller.

    Raises:
        ValueError: If the data preprocessor of the run cannot mix batches, or
            if a head or a loss requires a single label for each image.
    """
    own = student.data_preprocessor
    if batch_augment_names(own) and not batch_augment_names(preprocessor):
        names = ' and '.join(batch_augment_names(own))
        if not isinstance(preprocessor, ClsDataPreprocessor):
            raise ValueError(
                f'The student\'s train_cfg.augments has {names}, but the '
                f'data_preprocessor of the run is of the type '
                f'{type(preprocessor).__name__}, which cannot mix batches. '
                'Set data_preprocessor.type to '
                'mmpretrain.ClsDataPreprocessor (with to_rgb instead of '
                'bgr_to_rgb), or turn the mixing off: set '
                'model.architecture.train_cfg=None.')
        preprocessor.batch_augments = own.batch_augments
        preprocessor.to_onehot = True
        print_log(
            f'Batches are mixed with {names}, as in the student\'s '
            'train_cfg.augments. Both networks get the mixed images.',
            logger='current')
    if batch_augment_names(preprocessor):
        classes = _num_classes(student, preprocessor)
        if classes is None:
            raise ValueError(
                'The batches are mixed with '
                f'{", ".join(batch_augment_names(preprocessor))}, which '
                'requires data_preprocessor.num_classes. Set it to the number '
                'of classes of the student.')
        preprocessor.num_classes = classes
        _check_takes_scores(student, classes)
        _check_distiller(distiller)


def _num_classes(student: BaseModel, preprocessor: nn.Module
                 ) -> Optional[int]:
    """The number of classes, preferably of the head, whose logits are compared
    with the scores."""
    for part in (getattr(student, 'head', None), student.data_preprocessor,
                 preprocessor):
        classes = getattr(part, 'num_classes', None)
        if classes is not None:
            return classes
    return None


def _check_takes_scores(student: BaseModel, classes: int) -> None:
    """Raise if the student's loss does not accept scores as labels."""
    head = getattr(student, 'head', student)  # timm models have no head here
    if isinstance(head, MultiTaskHead) or not getattr(head, 'takes_scores',
                                                      True):
        raise ValueError(
            f'The student\'s head is a {type(head).__name__}, which requires '
            'a single label for each image, but a mixed image has several. '
            f'{TURN_OFF}.')
    if getattr(head, 'cal_acc', False):
        raise ValueError(
            'The student\'s head has cal_acc=True, but the accuracy is not '
            'defined for mixed images, which have several labels. Set '
            f'cal_acc=False. {TURN_OFF}.')
    loss = getattr(head, 'loss_module', None)
    if loss is None:
        return
    try:  # a copy, since some losses have a state
        copy.deepcopy(loss)(
            torch.zeros(2, classes), torch.full((2, classes), 1 / classes))
    except Exception as error:  # depends on the loss
        raise ValueError(
            f'The student\'s {type(loss).__name__} does not accept the labels '
            'of mixed images, which are scores (n, classes) '
            f'({type(error).__name__}: {error}). Use another loss, such as '
            f'LabelSmoothLoss or CrossEntropyLoss. {TURN_OFF}.') from error


def _check_distiller(distiller: nn.Module) -> None:
    for name, loss in distiller.distill_losses.items():
        if isinstance(loss, (DKDLoss, WSLD)):
            raise ValueError(
                f'{name}, a {type(loss).__name__}, requires a single label '
                'for each image, but a mixed image has several. '
                f'{TURN_OFF}.')
