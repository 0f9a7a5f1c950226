"""Data sets of person re-identification."""
from .market1501 import Market1501
from .msmt17 import MSMT17

__all__ = ['MSMT17', 'Market1501']
