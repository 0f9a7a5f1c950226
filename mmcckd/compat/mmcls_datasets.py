"""Let ``test_mode=True`` choose the test images, as it did in mmcls.

mmcls read CIFAR and MNIST with ``data_prefix`` and ``test_mode`` alone, and
MMRazor's CRD and BYOT recipes still do. MMPretrain 1.2.0 takes both, but the
split has an argument of its own by now, ``'train'`` by default. So these
recipes validate on the images that they train on, with a warning in the log.

Can be deleted when MMRazor's recipes name ``split``.
"""
import functools

from mmpretrain.datasets import CIFAR10, MNIST


def choose_split_by_test_mode() -> None:
    """Take ``split='test'`` for a dataset that is written as in mmcls."""
    for dataset in (CIFAR10, MNIST):  # the bases of CIFAR100, FashionMNIST
        if not hasattr(dataset.__init__, '__wrapped__'):
            dataset.__init__ = _choosing_split(dataset.__init__)


def _choosing_split(init):

    @functools.wraps(init)
    def init_with_split(self, *args, **kwargs) -> None:
        # Nothing written for MMPretrain has a data_prefix and no split.
        if kwargs.get('test_mode') and kwargs.get('data_prefix') and not args:
            kwargs.setdefault('split', 'test')
        init(self, *args, **kwargs)

    return init_with_split
