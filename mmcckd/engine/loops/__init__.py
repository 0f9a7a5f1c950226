"""Validation of a student with a frozen teacher; filling a teacher store."""
from .fill_teacher_store_loop import FillTeacherStoreLoop
from .frozen_teacher_val_loop import FrozenTeacherDistillValLoop

__all__ = ['FillTeacherStoreLoop', 'FrozenTeacherDistillValLoop']
