from .kernels import bilinear, gaussian_rbf, naive_mmd

__all__ = ['bilinear', 'gaussian_rbf', 'naive_mmd']
