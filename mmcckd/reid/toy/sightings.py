"""The images of a person: their cameras, and which of them are queries."""
from typing import List, NamedTuple

import numpy as np

CAMERAS_OF_A_PERSON = (2, 5)


class Sighting(NamedTuple):
    """An image to create: index of the camera, and whether it is a query."""
    camera: int
    is_query: bool


def draw_sightings(num_pictures: int, num_cameras: int,
                   rng: np.random.Generator) -> List[Sighting]:
    """Choose images of a person from two to five cameras, sorted by camera.

    The first image of each camera is a query, except for one camera. All
    images of that camera are in the gallery, so that each query has a match
    from another camera.

    Args:
        num_pictures (int): Number of images, at least 2.
        num_cameras (int): Number of cameras to choose from, at least 5.
        rng (np.random.Generator): The random generator.
    """
    low, high = CAMERAS_OF_A_PERSON
    number = min(num_pictures, rng.integers(low, high + 1))
    own = rng.permutation(num_cameras)[:number]
    more = rng.choice(own, num_pictures - number)
    cameras = np.sort(np.concatenate([own, more]))
    is_first = np.append(True, cameras[1:] != cameras[:-1])
    return [
        Sighting(int(camera), bool(first and camera != own[0]))
        for camera, first in zip(cameras, is_first)
    ]


def draw_num_pictures(average: int, rng: np.random.Generator) -> int:
    """Choose the number of images of a person, from one to five thirds of the
    average, but at least 2."""
    low, high = max(2, average // 3), max(2, average * 5 // 3)
    return int(rng.integers(low, high + 1))
