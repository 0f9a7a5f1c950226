from .algorithms import FrozenTeacherDistill
from .backbones import CIFARResNet
from .connectors import (
                         BilinearKernelConnector,
                         GaussianRBFKernelConnector,
                         MMDKernelConnector,
)
from .losses import CorrelationCongruenceLoss

__all__ = [
    'BilinearKernelConnector', 'CIFARResNet', 'CorrelationCongruenceLoss',
    'FrozenTeacherDistill', 'GaussianRBFKernelConnector', 'MMDKernelConnector'
]
