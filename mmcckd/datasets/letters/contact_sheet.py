"""A picture of some of the drawings of a data set."""
import numpy as np

# Classes that are shown, and the width of the lines between groups.
ROWS = dict(train=24, unseen=12, other=4)
GAP = 6


def draw_contact_sheet(images: np.ndarray, labels: np.ndarray,
                       facts: dict) -> np.ndarray:
    """Draw some classes in all faces.

    Rows are classes: some of those for training, of the unseen, and of the
    others, separated by gray lines. Columns are the faces for training, test,
    and validation. Where a face lacks a class, the field is dark gray.

    Args:
        images (np.ndarray): See :class:`LettersFolder`.
        labels (np.ndarray): See :class:`LettersFolder`.
        facts (dict): See :class:`LettersFolder`.

    Returns:
        np.ndarray: (h, w), uint8.
    """
    row_of = {tuple(label): i for i, label in enumerate(labels.tolist())}
    size = images.shape[1]
    missing = np.full((size, size), 64, images.dtype)
    groups = []
    for split, number in ROWS.items():
        rows = []
        for label in facts['classes_of'][split][:number]:
            parts = []
            for faces in facts['faces_of'].values():
                fields = [
                    images[row_of[label, face]] if
                    (label, face) in row_of else missing for face in faces
                ]
                parts.append(np.concatenate(fields, 1))
            rows.append(_join(parts, 1))
        if rows:
            groups.append(np.concatenate(rows))
    return _join(groups, 0)


def _join(parts: list, axis: int) -> np.ndarray:
    """Concatenate with gray lines between the parts."""
    shape = list(parts[0].shape)
    shape[axis] = GAP
    line = np.full(shape, 128, parts[0].dtype)
    joined = [part for pair in zip(parts, [line] * len(parts))
              for part in pair]
    return np.concatenate(joined[:-1], axis)
