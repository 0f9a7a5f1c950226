from .digits import Digits
from .samplers import CURSampler, SURSampler

__all__ = ['CURSampler', 'Digits', 'SURSampler']
