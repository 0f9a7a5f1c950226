"""Batch samplers: k samples of each of several classes or superclasses."""
from .cur_sampler import CURSampler
from .group_uniform_sampler import GroupUniformSampler
from .sur_sampler import SURSampler

__all__ = ['CURSampler', 'GroupUniformSampler', 'SURSampler']
