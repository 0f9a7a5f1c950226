"""Networks for 32 × 32 images."""
from .cifar_resnet import CIFARResNet

__all__ = ['CIFARResNet']
