from pathlib import Path
from typing import Dict, Tuple, Union

import mmcv
import numpy as np

from .out_folder import check_num_images, make_out_folder
from .patterns import draw

# Cities of the splits; the real data set has 21 of them.
CITIES = dict(train=('aachen', 'bochum'), val=('lindau', ))
# The label ids of the 19 classes that are used for training, in their order.
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31,
             32, 33)
ROAD, BUILDING, SKY = 0, 2, 10
EGO_VEHICLE, IGNORED = 1, 255  # label id, and label for training
HEIGHT, WIDTH = 96, 192


def make_cityscapes(out: Union[str, Path],
                    num_images: int = 16,
                    seed: int = 0) -> Dict[str, int]:
    """Make a small data set with the files of Cityscapes for segmentation.

    ::

        out/leftImg8bit/{train,val}/CITY/CITY_000000_000019_leftImg8bit.png, …
        out/gtFine/{train,val}/CITY/CITY_000000_000019_gtFine_labelIds.png, …
        out/gtFine/{train,val}/CITY/CITY_000000_000019_gtFine_labelTrainIds.png

    An image has 192×96 pixels: sky above buildings and a road, rectangles of
    other classes, and at the bottom a strip that is not labeled, as for the
    vehicle of the camera in the real images. A class is one of ten patterns in
    one of ten colors. The annotations have the label ids of Cityscapes, and
    the labels for training, 0 to 18 and 255, which its scripts create.

    Args:
        out (str | Path): A new or empty folder.
        num_images (int): Number of training images. There are half as many
            validation images. Defaults to 16.
        seed (int): Random seed; the same seed creates the same files.
            Defaults to 0.

    Returns:
        Dict[str, int]: Number of images of each split.

    Raises:
        ValueError: If the folder is not empty, or ``num_images`` is less than
            1.
    """
    check_num_images(num_images)
    out = make_out_folder(out)
    counts = dict(train=num_images, val=-(-num_images // 2))
    # Label 255 is the ego vehicle, the only pixels without a class here.
    ids = np.full(256, EGO_VEHICLE, np.uint8)
    ids[:len(LABEL_IDS)] = LABEL_IDS
    for i, (split, count) in enumerate(counts.items()):
        rng = np.random.default_rng((seed, i))
        for k in range(count):
            image, labels = _draw_street(rng)
            city = CITIES[split][k % len(CITIES[split])]
            name = f'{split}/{city}/{city}_{k:06d}_000019'
            for path, content in (
                (f'leftImg8bit/{name}_leftImg8bit.png', image[..., ::-1]),
                (f'gtFine/{name}_gtFine_labelTrainIds.png', labels),
                (f'gtFine/{name}_gtFine_labelIds.png', ids[labels])):
                mmcv.imwrite(content, str(out / path))
    return counts


def _draw_street(rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    """Return an image, RGB, and its labels for training, both uint8."""
    labels = np.full((HEIGHT, WIDTH), BUILDING, np.uint8)
    labels[:rng.integers(16, 33)] = SKY
    labels[-rng.integers(24, 41):] = ROAD
    for label in rng.permutation(len(LABEL_IDS))[:rng.integers(4, 9)]:
        height, width = rng.integers(12, 41, 2)
        top = rng.integers(0, HEIGHT - height)
        left = rng.integers(0, WIDTH - width)
        labels[top:top + height, left:left + width] = label
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for label in np.unique(labels):
        texture = draw(label % 10, label % 10, label // 10, HEIGHT, WIDTH, rng)
        image[labels == label] = texture[labels == label]
    labels[-4:] = IGNORED
    return image, labels
