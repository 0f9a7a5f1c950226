"""The toy data sets on which the recipes are tried."""
from pathlib import Path

from mmpretrain.datasets import CIFAR10

from mmcckd.datasets.toy import (
    make_cifar10,
    make_cifar100,
    make_cityscapes,
    make_coco,
    make_imagenet,
)

from .nuscenes import make_nuscenes

# type of the data set -> (function, its number of samples)
MAKERS = dict(
    ImageNet=(make_imagenet, 2),
    CIFAR10=(make_cifar10, 20),
    CIFAR100=(make_cifar100, 4),
    CocoDataset=(make_coco, 8),
    CityscapesDataset=(make_cityscapes, 8),
    NuScenesDataset=(make_nuscenes, 8))


class Toys:
    """Toy data sets, each made when it is first needed.

    Args:
        folder (Path): Where they are made, one folder for each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # MMPretrain downloads CIFAR-10 if the checksums are different.
        CIFAR10._check_integrity = lambda self: True

    def root(self, name: str) -> str:
        """Return the root of a data set, given the name of its class."""
        root = self.folder / name
        if not root.exists():
            make, samples = MAKERS[name]
            make(root, samples)
        return str(root)
