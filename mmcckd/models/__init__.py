from .algorithms import FrozenTeacherDistill
from .connectors import (
                         BilinearKernelConnector,
                         GaussianRBFKernelConnector,
                         MMDKernelConnector,
)
from .losses import CorrelationCongruenceLoss

__all__ = [
    'BilinearKernelConnector', 'CorrelationCongruenceLoss',
    'FrozenTeacherDistill', 'GaussianRBFKernelConnector', 'MMDKernelConnector'
]
