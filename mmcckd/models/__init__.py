from .algorithms import FrozenTeacherDistill
from .backbones import CIFARResNet
from .connectors import (
                         BilinearKernelConnector,
                         FlattenConnector,
                         GaussianRBFKernelConnector,
                         MMDKernelConnector,
)
from .heads import ReIDHead
from .losses import BatchHardTripletLoss, CorrelationCongruenceLoss

__all__ = [
    'BatchHardTripletLoss', 'BilinearKernelConnector', 'CIFARResNet',
    'CorrelationCongruenceLoss', 'FlattenConnector', 'FrozenTeacherDistill',
    'GaussianRBFKernelConnector', 'MMDKernelConnector', 'ReIDHead'
]
