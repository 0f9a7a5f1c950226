"""Validation of the student beside a teacher that does not change."""
from .frozen_teacher_val_loop import FrozenTeacherDistillValLoop

__all__ = ['FrozenTeacherDistillValLoop']
