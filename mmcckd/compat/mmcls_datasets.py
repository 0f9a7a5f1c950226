"""Select the test images with ``test_mode=True``, as in mmcls.

In mmcls, ``data_prefix`` and ``test_mode`` determined which images of CIFAR
and MNIST were read, and MMRazor's CRD and BYOT recipes still use only these.
MMPretrain 1.2.0 accepts both, but has a separate argument ``split``, which
defaults to ``'train'``. These recipes therefore validate on their training
images, with a warning in the log.

Can be deleted when MMRazor's recipes name ``split``.
"""
import functools

from mmpretrain.datasets import CIFAR10, MNIST


def choose_split_by_test_mode() -> None:
    """Use ``split='test'`` for a test data set that is written for mmcls."""
    for dataset in (CIFAR10, MNIST):  # the bases of CIFAR100, FashionMNIST
        if not hasattr(dataset.__init__, '__wrapped__'):
            dataset.__init__ = _choosing_split(dataset.__init__)


def _choosing_split(init):

    @functools.wraps(init)
    def init_with_split(self, *args, **kwargs) -> None:
        # Configs written for MMPretrain have no data_prefix without a split.
        if kwargs.get('test_mode') and kwargs.get('data_prefix') and not args:
            kwargs.setdefault('split', 'test')
        init(self, *args, **kwargs)

    return init_with_split
