"""Correlation congruence in plain PyTorch: functions, and a loss.

    features (n, d) -> kernels -> correlations (n, n) -> correlation_congruence

The registered connectors and the registered loss (:mod:`mmcckd.models`) are
made of these functions. This package imports nothing but PyTorch.
"""
from .cc_loss import CCLoss
from .congruence import correlation_congruence
from .feature_structure import cosine_structure, linear_cka
from .kernels import bilinear, gaussian_rbf, naive_mmd

__all__ = [
    'CCLoss', 'bilinear', 'correlation_congruence', 'cosine_structure',
    'gaussian_rbf', 'linear_cka', 'naive_mmd'
]
