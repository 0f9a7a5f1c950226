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

    A class is one of ten patterns in one of ten bright colours on one of ten
    dark ones: n00000386 is pattern 3, bright colour 8 on dark colour 6.
    Images have 64 to 96 × 64 to 80 pixels, either side being the longer one.

    Args:
        out (str | Path): A new or empty folder.
        samples_per_class (int): Training images of a class; there are half as
            many for validation. Defaults to 4.
        seed (int): The same seed makes the same files. Defaults to 0.

    Returns:
        Dict[str, int]: Images of each split.

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
                # its digits: pattern, bright colour, dark colour
                image = draw(label // 100, label // 10 % 10, label % 10, *size,
                             rng)
                path = out / split / name / f'{name}_{k}.JPEG'
                mmcv.imwrite(image[..., ::-1], str(path), QUALITY)
    return {split: NUM_CLASSES * n for split, n in per_class.items()}
