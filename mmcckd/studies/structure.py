"""Measure how the features of a run are arranged."""
from typing import Dict

import numpy as np
import torch
from sklearn.metrics import silhouette_score
from torch import Tensor

from mmcckd.functional import gaussian_rbf
from mmcckd.functional.feature_structure import cosine_structure, linear_cka

# Measures that compare all pairs use about this many samples at most.
SAMPLES = 2000


def measure_structure(features: Tensor, labels: Tensor) -> Dict[str, float]:
    """Similarity within classes, and separation between them.

    Args:
        features (Tensor): (n, d).
        labels (Tensor): Their classes, (n, ).

    Returns:
        Dict[str, float]: ``intra_class_cosine``, ``inter_class_cosine`` and
        ``cosine_gap`` of all samples, and ``silhouette`` (of cosine distances)
        of those of :func:`some_classes`.
    """
    some = some_classes(labels)
    return dict(
        cosine_structure(features, labels)._asdict(),
        silhouette=silhouette_score(
            features[some].numpy(), labels[some].numpy(), metric='cosine'))


def compare_structure(features: Tensor, teacher: Tensor,
                      labels: Tensor) -> Dict[str, float]:
    """Similarity of a student's features to the teacher's.

    Args:
        features (Tensor): (n, d).
        teacher (Tensor): (n, e).
        labels (Tensor): Their classes, (n, ).

    Returns:
        Dict[str, float]: ``cc_distance`` (L_CC by the exact Gaussian RBF,
        γ = 0.4) and ``cka`` (linear), of the samples of :func:`some_classes`.
    """
    some = some_classes(labels)
    features, teacher = features[some], teacher[some]
    difference = gaussian_rbf(features, order=None) - gaussian_rbf(
        teacher, order=None)
    return dict(
        cc_distance=difference.square().mean().item(),
        cka=linear_cka(features, teacher))


def some_classes(labels: Tensor) -> Tensor:
    """The samples of some classes: all of them, or about 2,000 samples.

    The classes are equally spaced, and all samples of a class are taken, since
    pairs of the same class would be rare otherwise.

    Returns:
        Tensor: Indices in ascending order.
    """
    classes = labels.unique()
    count = min(len(classes), max(2, SAMPLES * len(classes) // len(labels)))
    chosen = np.linspace(0, len(classes) - 1, count).round().astype(int)
    return torch.isin(labels, classes[chosen]).nonzero().flatten()
