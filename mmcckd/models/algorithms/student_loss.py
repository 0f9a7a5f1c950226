"""The student's own losses: check that there are any, and weigh them."""
from typing import Dict, List, Union

from mmpretrain.models import (
    EfficientFormerClsHead,
    ImageClassifier,
    LeViTClsHead,
)
from mmrazor.models.losses import CrossEntropyLoss
from torch import Tensor, nn


def check_student_loss(student: nn.Module) -> None:
    """Raise if MMPretrain cannot compute a loss of the student.

    Otherwise, MMPretrain raises an AttributeError or a NotImplementedError at
    the first batch.

    Args:
        student (nn.Module): The student.

    Raises:
        ValueError: If it is a classifier without a head, MMPretrain supports
            its head for inference only, or its loss is not MMPretrain's.
    """
    if any(type(module) is CrossEntropyLoss for module in student.modules()):
        raise ValueError(
            f'The student, a {type(student).__name__}, has MMRazor\'s '
            'CrossEntropyLoss, which compares logits with logits. Set '
            "_scope_='mmpretrain' in architecture, so that its loss is that "
            'of MMPretrain.')
    if type(student).forward is not ImageClassifier.forward or (
            type(student).loss is not ImageClassifier.loss):
        return
    head = student.head
    if head is None:
        raise ValueError(
            f'The student, a {type(student).__name__}, has no head, so it '
            'has no loss for training. Give it a head, such as '
            "architecture.head=dict(type='LinearClsHead', num_classes=…, "
            'in_channels=…). Only a teacher needs no head.')
    if isinstance(head, (EfficientFormerClsHead, LeViTClsHead)) and (
            getattr(head, 'dist', False)
            or getattr(head, 'distillation', False)):
        raise ValueError(
            f"The student's {type(head).__name__} has two classifiers, which "
            'MMPretrain evaluates but does not train. Use one classifier: set '
            'architecture.head.distillation=False. A teacher may have both.')


def weigh_losses(losses: Dict[str, Union[Tensor, List[Tensor]]],
                 weight: float) -> Dict[str, Union[Tensor, List[Tensor]]]:
    """Multiply losses by a weight, but not other values such as accuracy.

    Args:
        losses (Dict[str, Tensor | List[Tensor]]): What a model returns with
            ``mode='loss'``. Names of losses contain "loss".
        weight (float): α.

    Returns:
        Dict[str, Tensor | List[Tensor]]: All entries, with weighted losses.
    """

    def weigh(value):
        if isinstance(value, (list, tuple)):
            return [weigh(v) for v in value]
        return value * weight

    return {
        name: weigh(value) if 'loss' in name else value
        for name, value in losses.items()
    }
