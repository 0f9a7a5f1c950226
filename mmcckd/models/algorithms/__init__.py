"""Distillation from a frozen teacher as an MMRazor algorithm."""
from .frozen_teacher_distill import FrozenTeacherDistill

__all__ = ['FrozenTeacherDistill']
