from .cur_sampler import CURSampler
from .group_uniform_sampler import GroupUniformSampler

__all__ = ['CURSampler', 'GroupUniformSampler']
