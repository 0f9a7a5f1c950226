"""Small synthetic re-identification data in the layout of the real data sets.

Each person is drawn as seen by several cameras.
"""
from .toy_market1501 import make_market1501
from .toy_msmt17 import make_msmt17

__all__ = ['make_market1501', 'make_msmt17']
