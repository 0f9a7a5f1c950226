"""Compare what a teacher store has with what the teacher gives."""
from typing import List

import numpy as np
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmcckd.teacher_store import keep_top_k, spread_rest

# Relative. The precisions of a teacher differ by less, and images by more.
TOLERANCE = 0.1


def difference(leaves: List[np.ndarray], expected: List[np.ndarray]) -> float:
    """The largest ‖x − y‖ / ‖y‖ of two lists of arrays x and y."""
    return max(
        np.linalg.norm(x - y) / max(np.linalg.norm(y), 1e-12)
        for x, y in zip(leaves, expected))


def compare_with_teacher(stored, images: Tensor,
                         data_samples: List[BaseDataElement]) -> None:
    """Compare what is stored of some samples with what the teacher gives.

    This finds what changes the records without being in the identity of the
    store: other code or versions of libraries, or other images in files of the
    same names.

    Args:
        stored (StoredTeacher): The teacher, with an open store.
        images (Tensor): Images, (n, c, h, w).
        data_samples (List[BaseDataElement]): Their n samples.

    Raises:
        ValueError: If a stored record differs by more than rounding.
    """
    views, samples = stored.rows(data_samples)
    stored.model.run_teacher(images, data_samples, prepare=False)
    for source, k in stored.top_k.items():
        found = stored.leaves(source, len(images))
        if k is not None:
            found = [
                spread_rest(*keep_top_k(logits, k), logits.shape[1])
                for logits in found
            ]
        for i in np.flatnonzero(
                ~stored.store.missing(views, samples, [source])):
            row = stored.store.read(views[[i]], samples[[i]], [source])
            change = difference(row[source], [leaf[[i]] for leaf in found])
            if not change <= TOLERANCE:  # NaN is wrong
                raise ValueError(
                    f'The teacher store {stored.settings.path} has another '
                    f'record of {source} for view {views[i]} of sample '
                    f'{samples[i]} than the teacher gives now, by '
                    f'{change:.0%}. The store has the settings of this run, '
                    'so the image files, the code of the data set, of a '
                    'transform or of the teacher, or the version of a library '
                    'has changed. Give another path, or restore what has '
                    'changed.')
