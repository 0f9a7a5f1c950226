from .algorithms import FrozenTeacherDistill
from .backbones import CIFARResNet
from .connectors import (
    BilinearKernelConnector,
    FlattenConnector,
    GaussianRBFKernelConnector,
    MMDKernelConnector,
)
from .losses import CorrelationCongruenceLoss

__all__ = [
    'BilinearKernelConnector', 'CIFARResNet', 'CorrelationCongruenceLoss',
    'FlattenConnector', 'FrozenTeacherDistill', 'GaussianRBFKernelConnector',
    'MMDKernelConnector'
]
