"""Small synthetic data sets in the layout of the real ones, to try recipes.

A class is a pattern in two colors, which a network learns in minutes.
"""
from .cifar10 import make_cifar10
from .cifar100 import make_cifar100
from .cityscapes import make_cityscapes
from .coco import make_coco
from .fashion_mnist import make_fashion_mnist
from .imagenet import make_imagenet

__all__ = [
    'make_cifar10', 'make_cifar100', 'make_cityscapes', 'make_coco',
    'make_fashion_mnist', 'make_imagenet'
]
