"""Data sets for classification, and batch samplers."""
from .digits import Digits
from .letters import Letters
from .local_cifar100 import LocalCIFAR100
from .local_fashion_mnist import LocalFashionMNIST
from .samplers import CURSampler, SURSampler
from .transforms import LoadImage, RandomAffine

__all__ = [
    'CURSampler', 'Digits', 'Letters', 'LoadImage', 'LocalCIFAR100',
    'LocalFashionMNIST', 'RandomAffine', 'SURSampler'
]
