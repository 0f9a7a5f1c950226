"""Faces whose drawings are nearly those of another face."""
from typing import List, Sequence, Tuple

import numpy as np

from .drawing import draw_characters
from .fonts import Face

# Number of characters that are compared.
PROBES = 64
# Faces are near copies if half of their drawings differ by less, as the root
# mean square over the pixels, whose range is 255.
MAX_DIFFERENCE = 50


def drop_near_copies(
        faces: Sequence[Face],
        characters: Sequence[str]) -> Tuple[List[Face], List[Tuple[str, str]]]:
    """Keep only faces that clearly differ from one another.

    Of faces that are near copies, the one with the most characters is kept.

    Args:
        faces (Sequence[Face]): The faces.
        characters (Sequence[str]): The characters.

    Returns:
        Tuple[List[Face], List[Tuple[str, str]]]: The faces that are kept, in
        the same order, and the names of each other face and of the face that
        it is a near copy of.
    """
    spread = np.linspace(0, len(characters) - 1, min(PROBES, len(characters)))
    probes = [characters[i] for i in spread.astype(int)]
    kept, copies = [], []
    for face in sorted(faces, key=lambda face: -face.count(characters)):
        drawings, indices = draw_characters(face, probes)
        own = dict(zip(indices, drawings.astype(np.float32)))
        for other, theirs in kept:
            if _difference(own, theirs) < MAX_DIFFERENCE:
                copies.append((face.name, other.name))
                break
        else:
            kept.append((face, own))
    names = {(face.path, face.index) for face, _ in kept}
    return [f for f in faces if (f.path, f.index) in names], copies


def _difference(one: dict, other: dict) -> float:
    """Median over the characters that both have; infinite without any."""
    shared = sorted(one.keys() & other.keys())
    if not shared:
        return float('inf')
    squares = np.square([one[i] - other[i] for i in shared])
    return float(np.median(np.sqrt(squares.mean((1, 2)))))
