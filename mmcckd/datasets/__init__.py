from .digits import Digits
from .samplers import CURSampler

__all__ = ['CURSampler', 'Digits']
