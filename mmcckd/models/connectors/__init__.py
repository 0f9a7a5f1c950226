"""Connectors: features -> correlation matrices, or rows for a projection."""
from .flatten_connector import FlattenConnector
from .kernel_connectors import (
                                BilinearKernelConnector,
                                GaussianRBFKernelConnector,
                                KernelConnector,
                                MMDKernelConnector,
)

__all__ = [
    'BilinearKernelConnector', 'FlattenConnector',
    'GaussianRBFKernelConnector', 'KernelConnector', 'MMDKernelConnector'
]
