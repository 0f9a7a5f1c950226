"""Connectors: features -> correlation matrices, or rows for a projection.

Before these, other connectors reduce maps, pyramids and tokens to features
(n, d), or use positions of maps as samples.
"""
from .flatten_connector import FlattenConnector
from .kernel_connectors import (
                                BilinearKernelConnector,
                                GaussianRBFKernelConnector,
                                KernelConnector,
                                MMDKernelConnector,
)
from .pool_connector import PoolConnector
from .position_connector import PositionConnector
from .token_connector import TokenConnector

__all__ = [
    'BilinearKernelConnector', 'FlattenConnector',
    'GaussianRBFKernelConnector', 'KernelConnector', 'MMDKernelConnector',
    'PoolConnector', 'PositionConnector', 'TokenConnector'
]
