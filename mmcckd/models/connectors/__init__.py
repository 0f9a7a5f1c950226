from .kernel_connectors import (
                                BilinearKernelConnector,
                                GaussianRBFKernelConnector,
                                KernelConnector,
                                MMDKernelConnector,
)

__all__ = [
    'BilinearKernelConnector', 'GaussianRBFKernelConnector', 'KernelConnector',
    'MMDKernelConnector'
]
