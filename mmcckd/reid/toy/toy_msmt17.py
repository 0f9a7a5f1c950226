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
NUM_CAMERAS = 8
RARE = 20  # one of this many training persons has only two images
DATES = ('0302', '0303', '0113', '0114')
PERIODS = ('morning', 'noon', 'afternoon')
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


def make_msmt17(out: Union[str, Path],
                samples_per_class: int = 12,
                seed: int = 0) -> Dict[str, int]:
    """Make a small data set in the layout of MSMT17, V1.

    ::

        out/MSMT17_V1/{train,test}/0000/0000_000_01_0303morning_0008_0.jpg
        out/MSMT17_V1/list_{train,val,query,gallery}.txt

    There are 60 persons for training and 40 other persons for the test. Two to
    five of 8 cameras have images of each person. The images are 64 to 128
    pixels high, and about half as wide. Three persons of the training set have
    only two images.

    Args:
        out (str | Path): A new or empty folder.
        samples_per_class (int): Average number of images of a person. The
            number varies from one to five thirds of it, but is at least two.
            Defaults to 12.
        seed (int): Random seed, which determines all files. Defaults to 0.

    Returns:
        Dict[str, int]: Number of images in each list.

    Raises:
        ValueError: If the folder is not empty, or ``samples_per_class`` is
            less than 1.
    """
    check_samples_per_class(samples_per_class)
    root = make_out_folder(out) / 'MSMT17_V1'
    rng = np.random.default_rng(seed)
    cameras = [Camera.sample(rng) for _ in range(NUM_CAMERAS)]
    lists = dict(train=[], val=[], query=[], gallery=[])
    for i, (split, num_persons) in enumerate(NUM_PERSONS.items()):
        rng = np.random.default_rng((seed, i))
        for pid in range(num_persons):
            person = Person.sample(rng)
            number = draw_num_pictures(samples_per_class, rng)
            if split == 'train' and pid % RARE == RARE - 1:
                number = 2
            for k, sighting in enumerate(
                    draw_sightings(number, NUM_CAMERAS, rng)):
                name = _name(pid, k, sighting.camera + 1, rng)
                height = rng.integers(64, 129)
                width = round(height * rng.uniform(0.4, 0.55))
                image = cameras[sighting.camera].photograph(
                    person, height, width, rng)
                mmcv.imwrite(image[..., ::-1], str(root / split / name),
                             QUALITY)
                if split == 'test':
                    part = 'query' if sighting.is_query else 'gallery'
                else:
                    is_last = k == number - 1
                    part = 'val' if is_last and number >= 4 else 'train'
                lists[part].append(f'{name} {pid}\n')
    for part, lines in lists.items():
        (root / f'list_{part}.txt').write_text(''.join(lines))
    return {part: len(lines) for part, lines in lists.items()}


def _name(pid: int, index: int, camera: int, rng: np.random.Generator) -> str:
    date, period = DATES[rng.integers(4)], PERIODS[rng.integers(3)]
    extra = '_ex' if rng.random() < 0.1 else ''
    return (f'{pid:04d}/{pid:04d}_{index:03d}_{camera:02d}_{date}{period}_'
            f'{rng.integers(2000):04d}_{rng.integers(3)}{extra}.jpg')
