"""Image loading and augmentation."""
from .load_image import LoadImage
from .random_affine import RandomAffine

__all__ = ['LoadImage', 'RandomAffine']
