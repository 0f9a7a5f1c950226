"""Classes of characters, and the drawing of each in each face."""
from collections import Counter
from typing import Dict, List, Sequence, Tuple

import numpy as np

from .look_alikes import group_look_alikes

# (class, face) -> drawing
Drawings = Dict[Tuple[int, int], np.ndarray]


def form_classes(
    drawings: Sequence[np.ndarray], indices: Sequence[Sequence[int]],
    characters: Sequence[str], min_faces: int
) -> Tuple[List[str], Drawings, Dict[str, int]]:
    """Form classes of characters that look alike.

    A class has one drawing in each face: that of the first of its characters
    which the face has. Drawings of a face that are identical for several
    classes, such as the box that some fonts show for missing characters, are
    left out, and then classes with fewer drawings than ``min_faces``.

    Args:
        drawings (Sequence[np.ndarray]): For each face, its drawings,
            (n, h, w), uint8.
        indices (Sequence[Sequence[int]]): For each face, the index of the
            character of each drawing.
        characters (Sequence[str]): All characters.
        min_faces (int): Minimum number of drawings of a class.

    Returns:
        Tuple[List[str], Drawings, Dict[str, int]]: The characters of each
        class, the drawings, and how many were left out and why.
    """
    groups = group_look_alikes(drawings, indices, len(characters))
    chosen: Drawings = {}
    identical = 0
    for face, (images, own) in enumerate(zip(drawings, indices)):
        first = {}
        for image, character in zip(images, own):
            first.setdefault(groups[character], image)
        copies = Counter(image.tobytes() for image in first.values())
        for group, image in first.items():
            if copies[image.tobytes()] == 1:
                chosen[group, face] = image
            else:
                identical += 1
    faces_of = Counter(group for group, _ in chosen)
    kept = [g for g in range(groups.max() + 1) if faces_of[g] >= min_faces]
    number = {group: i for i, group in enumerate(kept)}
    names = [''] * len(kept)
    for character, group in zip(characters, groups):
        if group in number:
            names[number[group]] += character
    left_out = dict(
        merged_characters=len(characters) - int(groups.max()) - 1,
        classes_in_too_few_faces=int(groups.max()) + 1 - len(kept),
        identical_drawings_of_different_classes=identical)
    return names, {(number[group], face): image
                   for (group, face), image in chosen.items()
                   if group in number}, left_out
