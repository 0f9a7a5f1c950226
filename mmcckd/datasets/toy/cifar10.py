from pathlib import Path
from typing import Dict, Union

import numpy as np
from mmpretrain.datasets.categories import CIFAR10_CATEGORIES

from .out_folder import check_samples_per_class, make_out_folder
from .patterns import draw
from .python2_pickle import write_pickle

NUM_BATCHES = 5


def make_cifar10(out: Union[str, Path],
                 samples_per_class: int = 20,
                 seed: int = 0) -> Dict[str, int]:
    """Make a small data set with the files of CIFAR-10.

    ::

        out/cifar-10-batches-py/{data_batch_1,…,data_batch_5,test_batch,
                                 batches.meta}

    The files are pickles in the format of Python 2, like the real ones. Each
    class is a pattern. MMPretrain's ``CIFAR10`` compares the checksums of the
    files with the published ones, so it reads these files only if this check
    is disabled.

    Args:
        out (str | Path): A new or empty folder.
        samples_per_class (int): Number of training images per class. There
            are half as many test images. Defaults to 20.
        seed (int): Random seed; the same seed creates the same files.
            Defaults to 0.

    Returns:
        Dict[str, int]: Number of images of each split.

    Raises:
        ValueError: If the folder is not empty, or ``samples_per_class`` is
            less than 1.
    """
    check_samples_per_class(samples_per_class)
    folder = make_out_folder(out) / 'cifar-10-batches-py'
    folder.mkdir()
    per_class = dict(train=samples_per_class, test=-(-samples_per_class // 2))
    for i, (split, count) in enumerate(per_class.items()):
        rng = np.random.default_rng((seed, i))
        labels = rng.permutation(np.repeat(np.arange(10), count))
        if split == 'train':
            for k, part in enumerate(np.array_split(labels, NUM_BATCHES), 1):
                _write_batch(folder / f'data_batch_{k}', part, rng)
        else:
            _write_batch(folder / 'test_batch', labels, rng)
    write_pickle(folder / 'batches.meta', {
        b'label_names': [name.encode() for name in CIFAR10_CATEGORIES]
    })
    return {split: 10 * n for split, n in per_class.items()}


def _write_batch(path: Path, labels: np.ndarray,
                 rng: np.random.Generator) -> None:
    images = [
        draw(label, label, (label + 5) % 10, 32, 32, rng).transpose(
            2, 0, 1).reshape(-1) for label in labels
    ]
    write_pickle(
        path, {
            b'batch_label': path.name.encode(),
            b'labels': labels.tolist(),
            b'data': np.stack(images),
            b'filenames': [
                f'{CIFAR10_CATEGORIES[label]}_s_{k:06d}.png'.encode()
                for k, label in enumerate(labels)
            ]
        })
