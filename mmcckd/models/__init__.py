from .algorithms import FrozenTeacherDistill
from .backbones import CIFARResNet
from .connectors import (
    BilinearKernelConnector,
    FlattenConnector,
    GaussianRBFKernelConnector,
    MMDKernelConnector,
    PoolConnector,
    PositionConnector,
    TokenConnector,
)
from .distillers import check_recipes_of_distillers
from .losses import CorrelationCongruenceLoss, RepDistillerCCLoss

__all__ = [
    'BilinearKernelConnector', 'CIFARResNet', 'CorrelationCongruenceLoss',
    'FlattenConnector', 'FrozenTeacherDistill', 'GaussianRBFKernelConnector',
    'MMDKernelConnector', 'PoolConnector', 'PositionConnector',
    'RepDistillerCCLoss', 'TokenConnector'
]

check_recipes_of_distillers()
