from .digits import Digits
from .local_cifar100 import LocalCIFAR100
from .reid import MSMT17, Market1501
from .samplers import CURSampler, SURSampler
from .transforms import LoadImage

__all__ = [
    'CURSampler', 'Digits', 'LoadImage', 'LocalCIFAR100', 'MSMT17',
    'Market1501', 'SURSampler'
]
