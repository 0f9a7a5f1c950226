"""Characters that look alike in most faces."""
from typing import Sequence

import numpy as np

# Drawings agree if they differ by at most this, as the root mean square over
# the pixels, whose range is 255.
MAX_DIFFERENCE = 20
# Characters look alike if their drawings disagree in at most this share of the
# faces that have both. If they had to agree in all faces, a single face that
# draws Latin A and Greek Α differently would separate them, although nobody
# can tell them apart in the others.
MAX_UNLIKE = 0.33


def group_look_alikes(drawings: Sequence[np.ndarray],
                      indices: Sequence[np.ndarray],
                      num_characters: int) -> np.ndarray:
    """Group characters that look alike.

    Two characters look alike if their drawings disagree in at most 33 % of the
    faces that have both. In a group, any two characters look alike
    (complete linkage), so that there are no chains of characters of which the
    first and the last are clearly different.

    Args:
        drawings (Sequence[np.ndarray]): For each face, its drawings,
            (n, h, w), uint8.
        indices (Sequence[np.ndarray]): For each face, the character of each
            drawing, (n, ), int.
        num_characters (int): Number of characters, N.

    Returns:
        np.ndarray: (N, ), int64. The group of each character; groups are
        numbered by their first characters.
    """
    # Imported here, since only making a data set needs it.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    if num_characters < 2:
        return np.zeros(num_characters, np.int64)
    shared = np.zeros((num_characters, ) * 2, np.float32)
    unlike = np.zeros_like(shared)
    for images, characters in zip(drawings, indices):
        both = np.ix_(characters, characters)
        shared[both] += 1
        unlike[both] += differences(images) > MAX_DIFFERENCE
    # Characters without a common face are not alike.
    share = np.where(shared > 0, unlike / np.maximum(shared, 1), 1)
    np.fill_diagonal(share, 0)
    tree = linkage(squareform(share, checks=False), 'complete')
    groups = fcluster(tree, MAX_UNLIKE, 'distance')
    _, first, groups = np.unique(
        groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[groups]


def differences(images: np.ndarray) -> np.ndarray:
    """Return the root mean square difference of each two images, (n, n)."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    squares = np.square(flat).sum(1)
    # In place, since n may be thousands.
    result = flat @ flat.T
    result *= -2
    result += squares
    result += squares[:, None]
    result /= flat.shape[1]
    np.maximum(result, 0, out=result)
    return np.sqrt(result, out=result)
