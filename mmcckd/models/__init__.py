from .algorithms import FrozenTeacherDistill
from .backbones import CIFARResNet
from .connectors import (
    BilinearKernelConnector,
    FlattenConnector,
    GaussianRBFKernelConnector,
    MMDKernelConnector,
)
from .distillers import check_recipes_of_distillers
from .losses import CorrelationCongruenceLoss

__all__ = [
    'BilinearKernelConnector', 'CIFARResNet', 'CorrelationCongruenceLoss',
    'FlattenConnector', 'FrozenTeacherDistill', 'GaussianRBFKernelConnector',
    'MMDKernelConnector'
]

check_recipes_of_distillers()
