"""Validation loop of a student with a frozen teacher."""
from .frozen_teacher_val_loop import FrozenTeacherDistillValLoop

__all__ = ['FrozenTeacherDistillValLoop']
