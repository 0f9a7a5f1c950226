"""Whether a student computes a loss; MMPretrain finds out at the first batch,
by an AttributeError or a NotImplementedError."""
from mmpretrain.models import (
    EfficientFormerClsHead,
    ImageClassifier,
    LeViTClsHead,
)
from torch import nn


def check_student_loss(student: nn.Module) -> None:
    """Raise if MMPretrain knows no loss of the student's own.

    Args:
        student (nn.Module): The student.

    Raises:
        ValueError: If it is a classifier without a head, or its head is of
            those that MMPretrain only evaluates.
    """
    if type(student).forward is not ImageClassifier.forward or (
            type(student).loss is not ImageClassifier.loss):
        return
    head = student.head
    if head is None:
        raise ValueError(
            f'The student, a {type(student).__name__}, has no head, so it '
            'has no loss of its own to be trained with. Give it one, such as '
            "architecture.head=dict(type='LinearClsHead', num_classes=…, "
            'in_channels=…); a teacher needs none.')
    if isinstance(head, (EfficientFormerClsHead, LeViTClsHead)) and (
            getattr(head, 'dist', False)
            or getattr(head, 'distillation', False)):
        raise ValueError(
            f"The student's {type(head).__name__} has two classifiers, which "
            'MMPretrain evaluates but does not train. Train it with one: set '
            'architecture.head.distillation=False. Both can teach.')
