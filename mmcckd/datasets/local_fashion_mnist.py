import gzip
import hashlib
import logging
import os.path as osp
import zlib
from typing import List, Optional

import numpy as np
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.registry import DATASETS
from mmpretrain.datasets import BaseDataset
from mmpretrain.datasets.categories import FASHIONMNIST_CATEGORITES

# The MD5 of the published files, uncompressed. Compressed ones differ, since
# Debian compresses them anew.
PUBLISHED = {
    'train-images-idx3-ubyte': 'f4a8712d7a061bf5bd6d2ca38dc4d50a',
    'train-labels-idx1-ubyte': '9018921c3c673c538a1fc5bad174d6f9',
    't10k-images-idx3-ubyte': '8181f5470baa50b63fa0f6fddb340f0a',
    't10k-labels-idx1-ubyte': '15d484375f8d13e6eb1aabb0c3f46965',
}
ADVICE = ("Debian's package dataset-fashion-mnist has the files, in "
          '/usr/share/datasets/fashion-mnist; or make toy data by '
          'tools/make_toy_dataset.py fashion_mnist.')


@DATASETS.register_module()
class LocalFashionMNIST(BaseDataset):
    """Fashion-MNIST from local files, with a split for validation.

    :class:`mmpretrain.datasets.FashionMNIST` downloads files that are missing.
    This data set raises an error, and warns about files that differ from the
    published ones. It reads the four files ``{train,t10k}-images-idx3-ubyte``
    and ``-labels-idx1-ubyte``, compressed (``.gz``) or not. Each sample has
    ``img``, uint8 of shape (28, 28), and ``gt_label``, 0 to 9.

    A twelfth of the training images of each class (500 of 6,000) are the split
    for validation, on which hyper-parameters are chosen. The choice is fixed.
    Results that others publish are of students trained with all 60,000 images.

    Args:
        data_root (str): The folder with the files. Defaults to
            "data/fashion-mnist".
        split (str): "train", "val" or "test". Defaults to "train".
        samples_per_class (int, optional): Number of samples to use of each
            class. The selection is fixed, and a smaller selection is a subset
            of a larger one. Defaults to None, all samples.
        **kwargs: ``pipeline``, ``test_mode`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a file of the split is missing.
        TypeError: If ``samples_per_class`` is not an int.
        ValueError: If the split is unknown, a file does not have the format of
            Fashion-MNIST, or a class of the split has fewer than
            ``samples_per_class`` samples.
    """

    METAINFO = {'classes': FASHIONMNIST_CATEGORITES}
    SPLITS = ('train', 'val', 'test')

    def __init__(self,
                 data_root: str = 'data/fashion-mnist',
                 split: str = 'train',
                 samples_per_class: Optional[int] = None,
                 **kwargs) -> None:
        if split not in self.SPLITS:
            raise ValueError(
                f'split must be one of {self.SPLITS}, but is {split!r}.')
        if samples_per_class is not None and type(
                samples_per_class) is not int:
            raise TypeError('samples_per_class must be an int or None, but is '
                            f'{samples_per_class!r}.')
        self.split = split
        self.samples_per_class = samples_per_class
        kwargs.setdefault('ann_file', '')
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return images and labels of the split, in the order of the files."""
        prefix = 't10k' if self.split == 'test' else 'train'
        images = _read(self.data_root, f'{prefix}-images-idx3-ubyte')
        labels = _read(self.data_root, f'{prefix}-labels-idx1-ubyte')
        if len(images) != len(labels):
            raise ValueError(
                f'The files {prefix}-* in {self.data_root} have '
                f'{len(images):,} images, but {len(labels):,} labels. '
                f'{ADVICE}')
        # NumPy guarantees the stream of a RandomState, not of a Generator.
        rng = np.random.RandomState(0)
        chosen = []
        for label in range(10):
            members = rng.permutation(np.flatnonzero(labels == label))
            num_val = -(-len(members) // 12)
            members = dict(
                train=members[num_val:], val=members[:num_val],
                test=members)[self.split]
            limit = self.samples_per_class
            if limit is not None and not 1 <= limit <= len(members):
                raise ValueError(
                    f'samples_per_class must be between 1 and {len(members)}, '
                    f'the number of samples of class {label} in the '
                    f'{self.split} split, but is {limit}.')
            chosen.extend(members[:limit])
        return [
            dict(img=images[i], gt_label=int(labels[i]))
            for i in sorted(chosen)
        ]

    def extra_repr(self) -> List[str]:
        """Return additional lines for the string form of the data set."""
        return [f'Root of data: \t{self.data_root}', f'Split: \t{self.split}']


def _read(root: str, name: str) -> np.ndarray:
    """Images, (N, 28, 28), or labels, (N, ), uint8, of an IDX file."""
    path = osp.join(osp.expanduser(root), name)
    try:
        if osp.exists(path):
            with open(path, 'rb') as file:
                content = file.read()
        else:
            path += '.gz'
            with gzip.open(path) as file:
                content = file.read()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'No Fashion-MNIST at {path}, nor without .gz; data_root must be '
            f'the folder with this file. {ADVICE}') from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f'{path} is damaged, reading it ended with '
            f'{type(error).__name__}: {error} {ADVICE}') from error
    # The type uint8 (8), the number of dimensions, and four bytes for each.
    shape = (28, 28) if 'images' in name else ()
    size = len(content) - 4 * (2 + len(shape))
    length, rest = divmod(max(size, 0), 784 if shape else 1)
    header = np.array([0x800 + 1 + len(shape), length, *shape], '>u4')
    array = np.frombuffer(content[-size:], np.uint8) if length else None
    if rest or array is None or not content.startswith(header.tobytes()) or (
            not shape and array.max() > 9):
        raise ValueError(
            f'{path} is not a file of Fashion-MNIST, which is an IDX file of '
            f'{"images, uint8, 28 x 28" if shape else "labels, 0 to 9"}; it '
            f'has {len(content):,} bytes and begins with '
            f'{content[:16].hex(" ")}. {ADVICE}')
    if hashlib.md5(content).hexdigest() != PUBLISHED[name] and (
            is_main_process()):
        print_log(
            f'{path} is not the published Fashion-MNIST, but other data of '
            f'{length:,} samples.',
            logger='current',
            level=logging.WARNING)
    return array.reshape(length, *shape)
