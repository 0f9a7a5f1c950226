"""Statistics of superclasses, compared with their definitions."""
import math

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from mmcckd.superclasses.cluster_quality import (
    contingency,
    describe,
    entropies,
)

CLASSES = np.array([0, 0, 0, 1, 1, 1, 2, 2])
LABELS = np.array([0, 0, 1, 1, 1, 1, 2, -1])


def test_by_hand():
    features = np.random.default_rng(0).standard_normal((8, 4))
    figures = describe(LABELS, features, CLASSES)
    assert (figures['smallest'], figures['median'],
            figures['largest']) == (1, 2, 4)
    # superclass 0: 2 of class 0; 1: 3 of class 1, 1 of class 0; 2: 1 of 2
    assert figures['purity'] == pytest.approx(6 / 7)
    assert 0 < figures['nmi'] < 1
    assert figures['silhouette'] == pytest.approx(
        silhouette_score(features[:7].astype(np.float32), LABELS[:7]))
    table = contingency(CLASSES, LABELS)
    assert table.toarray().tolist() == [[2, 0, 0], [1, 3, 0], [0, 0, 1]]
    mixed = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert entropies(table) == pytest.approx([0, mixed, 0])


def test_perfect_and_without_classes():
    features = np.eye(3)[[0, 0, 1, 1, 2, 2]]
    labels = np.array([0, 0, 1, 1, 2, 2])
    figures = describe(labels, features, labels)
    assert figures['purity'] == figures['nmi'] == figures['silhouette'] == 1
    assert set(describe(labels, features)) == {
        'smallest', 'median', 'largest', 'silhouette'
    }
    assert math.isnan(describe(np.arange(6), features)['silhouette'])
