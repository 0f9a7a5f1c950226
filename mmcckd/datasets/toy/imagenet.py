from pathlib import Path
from typing import Dict, Union

import cv2
import mmcv
import numpy as np

from .out_folder import check_samples_per_class, make_out_folder
from .patterns import draw

NUM_CLASSES = 1000
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 75]


def make_imagenet(out: Union[str, Path],
                  samples_per_class: int = 4,
                  seed: int = 0) -> Dict[str, int]:
    """Make a small data set with the folders of ImageNet.

    ::

        out/{train,val}/{n00000000,…,n00000999}/*.JPEG

    A class is one of ten patterns in one of ten bright colors on one of ten
    dark colors: n00000386 is pattern 3, bright color 8 and dark color 6. One
    side of an image, chosen at random, has 64 to 96 pixels, the other one 64
    to 80.

    Args:
        out (str | Path): A new or empty folder.
        samples_per_class (int): Number of training images per class. There
            are half as many validation images. Defaults to 4.
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
    per_class = dict(train=samples_per_class, val=-(-samples_per_class // 2))
    for i, (split, count) in enumerate(per_class.items()):
        rng = np.random.default_rng((seed, i))
        for label in range(NUM_CLASSES):
            name = f'n{label:08d}'
            for k in range(count):
                size = rng.permuted([rng.integers(64, 97),
                                     rng.integers(64, 81)])
                # The digits are the pattern, the bright and the dark color.
                image = draw(label // 100, label // 10 % 10, label % 10, *size,
                             rng)
                path = out / split / name / f'{name}_{k}.JPEG'
                mmcv.imwrite(image[..., ::-1], str(path), QUALITY)
    return {split: NUM_CLASSES * n for split, n in per_class.items()}
