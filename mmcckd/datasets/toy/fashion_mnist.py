import gzip
from pathlib import Path
from typing import Dict, Union

import numpy as np

from .out_folder import check_samples_per_class, make_out_folder
from .patterns import draw

NUM_CLASSES = 10


def make_fashion_mnist(out: Union[str, Path],
                       samples_per_class: int = 20,
                       seed: int = 0) -> Dict[str, int]:
    """Make a small data set with the files of Fashion-MNIST.

    ::

        out/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz

    Each class is a pattern, in gray. The training files also have the images
    that :class:`mmcckd.datasets.LocalFashionMNIST` uses for validation.

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
    out = make_out_folder(out)
    # The validation split is a twelfth of a file, rounded up.
    per_class = dict(
        train=samples_per_class,
        val=-(-samples_per_class // 11),
        test=-(-samples_per_class // 2))
    counts = dict(
        train=per_class['train'] + per_class['val'], t10k=per_class['test'])
    for i, (prefix, count) in enumerate(counts.items()):
        rng = np.random.default_rng((seed, i))
        labels = rng.permutation(np.repeat(np.arange(NUM_CLASSES), count))
        images = np.stack([
            draw(label, label, label, 28, 28, rng).max(axis=2)
            for label in labels
        ])
        _write(out / f'{prefix}-images-idx3-ubyte.gz', images)
        _write(out / f'{prefix}-labels-idx1-ubyte.gz', labels)
    return {split: NUM_CLASSES * n for split, n in per_class.items()}


def _write(path: Path, array: np.ndarray) -> None:
    """Write an array of uint8 as a compressed IDX file."""
    header = np.array([0x800 + array.ndim, *array.shape], '>u4')
    content = header.tobytes() + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0))
