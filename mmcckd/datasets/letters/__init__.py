"""Drawings of characters in typefaces: making them, and the data set.

    fonts -> faces -> characters -> drawings -> classes -> splits -> folder

:func:`make_letters` makes the folder that :class:`Letters` reads.
"""
from .letters import Letters
from .make_letters import make_letters

__all__ = ['Letters', 'make_letters']
