"""Correlation congruence in plain PyTorch.

    features (n, d) -> kernels -> correlations (n, n) -> correlation_congruence

The registered connectors and the registered loss (:mod:`mmcckd.models`) are
made of these functions. This package imports nothing but PyTorch.
"""
from .congruence import correlation_congruence
from .kernels import bilinear, gaussian_rbf, naive_mmd

__all__ = [
    'bilinear', 'correlation_congruence', 'gaussian_rbf',
    'naive_mmd'
]
