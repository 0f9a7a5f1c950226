"""Figures of superclasses from their definitions, and the page around them."""
import math
import re

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from mmcckd.datasets import Digits
from mmcckd.superclasses import Superclasses
from mmcckd.superclasses.cluster_quality import (
    contingency,
    describe,
    entropies,
)
from mmcckd.superclasses.superclass_page import Look, write_pictures

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


@pytest.mark.parametrize('with_classes', [True, False])
def test_page_and_picture(with_classes, tmp_path):
    digits = Digits(samples_per_class=3)
    classes = np.array(digits.get_gt_labels())
    labels = (classes + (np.arange(30) < 5)) % 10
    superclasses = Superclasses(
        labels, np.zeros((10, 2)),
        dict(algorithm='kmeans', seed=0, inertia=1.5, module='neck',
             teacher_sha256='abc'))
    features = np.random.default_rng(0).standard_normal((30, 4))
    look = Look(superclasses, describe(labels, features, classes), digits)
    if with_classes:
        look.classes, look.class_names = classes, ['<zero>', *'123456789']
    names = write_pictures(look, str(tmp_path / 'superclasses'))
    assert names == [str(tmp_path / f'superclasses.{s}')
                     for s in ('png', 'html')]
    assert (tmp_path / 'superclasses.png').read_bytes()[:4] == b'\x89PNG'
    page = (tmp_path / 'superclasses.html').read_text()
    assert not re.search(r'(src|href)="?(http|//)', page)  # no network
    assert 'data:image/png;base64,' in page and 'kmeans' in page
    assert ('&lt;zero&gt;' in page) == with_classes
    assert '<zero>' not in page
    assert len(re.findall(r'<tr><td>\d+<td>', page)) == 10
