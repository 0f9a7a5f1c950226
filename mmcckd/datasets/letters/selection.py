"""Which drawings of a data set are samples, and with which labels."""
from typing import Dict, List, Optional, Tuple

import numpy as np


def select_for_recognition(
        labels: np.ndarray,
        classes: List[int],
        faces: List[int],
        samples_per_class: Optional[int] = None,
        imbalance: float = 1,
        label_noise: float = 0,
        seed: int = 0) -> Tuple[np.ndarray, np.ndarray]:
    """Select drawings of some classes in some faces.

    Args:
        labels (np.ndarray): Class and face of each drawing, (N, 2).
        classes (List[int]): The classes; their order is that of the labels.
        faces (List[int]): The faces.
        samples_per_class, imbalance, label_noise, seed: See :class:`Letters`.

    Returns:
        Tuple[np.ndarray, np.ndarray]: Rows of ``labels``, increasing, and the
        label of each, 0 to ``len(classes) - 1``.
    """
    limit = len(faces)
    if samples_per_class is not None:
        limit = min(limit, samples_per_class)
    frequency = np.zeros(len(classes))
    frequency[_generator(seed, 0).permutation(len(classes))] = np.linspace(
        0, 1, len(classes))
    limits = np.maximum(1, np.round(limit * imbalance**-frequency))

    label_of = {label: i for i, label in enumerate(classes)}
    keys = _generator(seed, 1).rand(*(labels.max(0) + 1))
    rows_of: Dict[int, List[int]] = {}
    for row in np.flatnonzero(
            np.isin(labels[:, 0], classes) & np.isin(labels[:, 1], faces)):
        rows_of.setdefault(label_of[labels[row, 0]], []).append(row)
    rows = []
    for label, own in rows_of.items():
        own.sort(key=lambda row: keys[tuple(labels[row])])
        rows += own[:int(limits[label])]
    rows = np.sort(np.array(rows, np.int64))
    targets = np.array([label_of[c] for c in labels[rows, 0]], np.int64)

    rng = _generator(seed, 2)
    wrong = rng.permutation(len(rows))[:round(label_noise * len(rows))]
    shifts = rng.randint(1, max(len(classes), 2), len(wrong))
    targets[wrong] = (targets[wrong] + shifts) % len(classes)
    return rows, targets


def select_for_retrieval(labels: np.ndarray, classes: List[int],
                         faces: List[int]) -> Tuple[np.ndarray, np.ndarray]:
    """Select queries and gallery of some classes in some faces.

    Args:
        labels (np.ndarray): Class and face of each drawing, (N, 2).
        classes (List[int]): The classes.
        faces (List[int]): The faces.

    Returns:
        Tuple[np.ndarray, np.ndarray]: Rows of ``labels``, increasing, and
        whether each is a query. Each class has both.
    """
    keys = _generator(0, 3).rand(*(labels.max(0) + 1))
    in_faces = np.isin(labels[:, 1], faces)
    rows, is_query = [], []
    for label in sorted(classes):
        own = np.flatnonzero(in_faces & (labels[:, 0] == label))
        if len(own) < 2:
            continue
        ranks = np.argsort(np.argsort([keys[tuple(labels[r])] for r in own]))
        rows.append(own)
        is_query.append(ranks < max(1, round(len(own) / 4)))
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, bool)
    return np.concatenate(rows), np.concatenate(is_query)


def _generator(*seed: int) -> np.random.RandomState:
    """NumPy guarantees its stream, unlike that of a Generator."""
    return np.random.RandomState(seed)
