"""Functions that change recipes, the configs of a distillation."""
from .frozen import frozen_teacher
from .mixing import mix_cc
from .stored import teacher_store

__all__ = ['frozen_teacher', 'mix_cc', 'teacher_store']
