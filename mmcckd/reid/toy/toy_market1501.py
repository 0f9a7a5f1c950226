from pathlib import Path
from typing import Dict, Union

import cv2
import mmcv
import numpy as np

from mmcckd.datasets.toy.out_folder import (
    check_samples_per_class,
    make_out_folder,
)

from .cameras import Camera
from .persons import Person
from .sightings import draw_num_pictures, draw_sightings

NUM_PERSONS = dict(train=60, test=40)
NUM_CAMERAS = 6
HEIGHT, WIDTH = 128, 64
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


def make_market1501(out: Union[str, Path],
                    samples_per_class: int = 12,
                    seed: int = 0) -> Dict[str, int]:
    """Make a small data set in the layout of Market-1501.

    ::

        out/{bounding_box_train,query,bounding_box_test}/0002_c1s1_000451_03.jpg

    There are 60 persons for training and 40 other persons for the test, with
    random numbers from 1 to 100. Two to five of 6 cameras have images of each
    person. For each person of the test, bounding_box_test also has one bad
    detection (person -1) and one image of another person (person 0). The
    images have 128 × 64 pixels.

    Args:
        out (str | Path): A new or empty folder.
        samples_per_class (int): Average number of images of a person. The
            number varies from one to five thirds of it, but is at least two.
            Defaults to 12.
        seed (int): Random seed, which determines all files. Defaults to 0.

    Returns:
        Dict[str, int]: Number of images in each folder, without those of
        person -1.

    Raises:
        ValueError: If the folder is not empty, or ``samples_per_class`` is
            less than 1.
    """
    check_samples_per_class(samples_per_class)
    root = make_out_folder(out)
    rng = np.random.default_rng(seed)
    cameras = [Camera.sample(rng) for _ in range(NUM_CAMERAS)]
    pids = 1 + rng.permutation(sum(NUM_PERSONS.values()))
    split_at = NUM_PERSONS['train']
    sizes = dict(bounding_box_train=0, query=0, bounding_box_test=0)
    frame = 0

    def write(folder: str, pid: int, camera: int, image: np.ndarray) -> None:
        nonlocal frame
        frame += rng.integers(1, 50)
        prefix = '-1' if pid == -1 else f'{pid:04d}'
        name = (f'{prefix}_c{camera + 1}s{rng.integers(1, 7)}_{frame:06d}_'
                f'{rng.integers(1, 5):02d}.jpg')
        mmcv.imwrite(image[..., ::-1], str(root / folder / name), QUALITY)
        sizes[folder] += pid != -1

    for i, pid in enumerate(pids):
        person = Person.sample(rng)
        number = draw_num_pictures(samples_per_class, rng)
        for camera, is_query in draw_sightings(number, NUM_CAMERAS, rng):
            image = cameras[camera].photograph(person, HEIGHT, WIDTH, rng)
            folder = 'bounding_box_train' if i < split_at else (
                'query' if is_query else 'bounding_box_test')
            write(folder, pid, camera, image)
        if i >= split_at:
            part = cv2.resize(image[HEIGHT // 2:, WIDTH // 4:],
                              (WIDTH, HEIGHT))
            write('bounding_box_test', -1, camera, part)
            image = cameras[camera].photograph(
                Person.sample(rng), HEIGHT, WIDTH, rng)
            write('bounding_box_test', 0, camera, image)
    return sizes
