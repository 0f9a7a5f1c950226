import re

import numpy as np
import pytest

from mmcckd.datasets import Digits
from mmcckd.superclasses import Superclasses
from mmcckd.superclasses.cluster_quality import describe
from mmcckd.superclasses.superclass_page import write_pictures
from mmcckd.superclasses.superclass_picture import (
    Overview,
    draw_superclasses,
)


@pytest.mark.parametrize('with_classes', [True, False])
def test_page_and_picture(with_classes, tmp_path):
    digits = Digits(samples_per_class=3)
    classes = np.array(digits.get_gt_labels())
    labels = (classes + (np.arange(30) < 5)) % 10
    superclasses = Superclasses(
        labels, np.zeros((10, 2)),
        dict(algorithm='kmeans', seed=0, inertia=1.5, module='<neck>',
             teacher_sha256='abc'))
    features = np.random.default_rng(0).standard_normal((30, 4))
    figures = describe(labels, features, classes)
    overview = Overview(superclasses, figures, digits)
    if with_classes:
        overview.classes = classes
        overview.class_names = ['<zero>', *'123456789']
    names = write_pictures(overview, str(tmp_path / 'superclasses'))
    assert names == [str(tmp_path / f'superclasses.{s}')
                     for s in ('png', 'html')]
    assert (tmp_path / 'superclasses.png').read_bytes()[:4] == b'\x89PNG'
    page = (tmp_path / 'superclasses.html').read_text()
    assert not re.search(r'(src|href)="?(http|//)', page)  # no network
    assert 'data:image/png;base64,' in page and 'kmeans' in page
    assert ('&lt;zero&gt;' in page) == with_classes
    assert '<zero>' not in page
    assert '<th>module<td>&lt;neck&gt;' in page and '<neck>' not in page
    assert len(re.findall(r'<tr><td>\d+<td>', page)) == 10


class _Images:

    def get_data_info(self, idx):
        return dict(img=np.full((8, 8), idx % 256, np.uint8))


def test_each_entry_of_a_large_map_is_visible():
    """Cells of 1,000 classes would be smaller than a pixel."""
    classes = np.repeat(np.arange(1000), 3)
    labels = classes // 5
    labels[::3] = np.random.default_rng(0).integers(200, size=1000)
    images = _Images()
    superclasses = Superclasses(labels, np.zeros((200, 2)), {})
    figure = draw_superclasses(
        Overview(superclasses, {}, images, classes, ['付'] * 1000))
    axes = figure.subfigs[0].axes[1]
    dots, = axes.collections
    entries = np.unique(np.stack([classes, labels], axis=1), axis=0)
    assert len(dots.get_offsets()) == len(entries)
    shares = dots.get_array()
    assert (np.diff(shares) >= 0).all()  # the large ones are on top
    titles = {ax.get_title() for ax in figure.subfigs[1].axes}
    assert titles - {''} == {'U+4ED8'}
