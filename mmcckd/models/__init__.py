from .algorithms import FrozenTeacherDistill
from .backbones import CIFARResNet
from .connectors import (
    BilinearKernelConnector,
    FlattenConnector,
    GaussianRBFKernelConnector,
    MMDKernelConnector,
)
from .distillers import let_distillers_check_their_recipe
from .losses import CorrelationCongruenceLoss

__all__ = [
    'BilinearKernelConnector', 'CIFARResNet', 'CorrelationCongruenceLoss',
    'FlattenConnector', 'FrozenTeacherDistill', 'GaussianRBFKernelConnector',
    'MMDKernelConnector'
]

let_distillers_check_their_recipe()
