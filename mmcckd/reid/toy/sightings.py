"""Which pictures there are of a person, and which of them are queries."""
from typing import List, NamedTuple

import numpy as np

CAMERAS_OF_A_PERSON = (2, 5)


class Sighting(NamedTuple):
    """A picture to take: the camera, an index, and whether it is a query."""
    camera: int
    is_query: bool


def draw_sightings(num_pictures: int, num_cameras: int,
                   rng: np.random.Generator) -> List[Sighting]:
    """Pictures of a person by two to five cameras, in their order.

    The first of a camera is a query, but for one camera, all of whose
    pictures stay in the gallery: a query has a match from another camera.

    Args:
        num_pictures (int): At least 2.
        num_cameras (int): How many there are to choose from, at least 5.
        rng (np.random.Generator): Draws what is random.
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
    """How many pictures there are of a person: a third to five thirds of the
    average, and at least 2."""
    low, high = max(2, average // 3), max(2, average * 5 // 3)
    return int(rng.integers(low, high + 1))
