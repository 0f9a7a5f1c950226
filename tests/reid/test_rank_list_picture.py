"""What the toy data do not show, drawn of a handful of images."""
import numpy as np
import pytest
from PIL import Image

from mmcckd.reid.evaluation import rank_gallery
from mmcckd.reid.visualization import (
    ReIDTestSet,
    Search,
    write_page,
    write_picture,
)

GREEN, RED = (26, 127, 55), (198, 40, 40)


class Images:
    """(person, camera, whether a query) of each; blue, of any size."""

    def __init__(self, *samples, size=(30, 20, 3)):
        image = np.zeros(size, np.uint8)
        image[..., -1:] = 200
        self.infos = [
            dict(img=image, img_path=f'folder<{i}>/{i}.jpg', gt_label=person,
                 camera_id=camera, is_query=is_query)
            for i, (person, camera, is_query) in enumerate(samples)
        ]

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, i):
        return self.infos[i]


def show(dataset, tmp_path, distances):
    """Picture and page for query 0, of features on a line."""
    test_set = ReIDTestSet(dataset)
    rankings = rank_gallery(
        np.zeros((len(test_set.query), 1)), np.sqrt(distances)[:, None],
        *(values[part] for values in (test_set.ids, test_set.cameras)
          for part in (test_set.query, test_set.gallery)), [0],
        'euclidean')
    search = Search('a & b', {'mAP': 0.5, 'rank-1': 0.25}, rankings,
                    'euclidean', 'config.py', 'x.pth')
    arguments = dataset, test_set, [0], [search]
    write_picture(tmp_path / 'look.png', *arguments)
    write_page(tmp_path / 'look.html', *arguments)
    pixels = np.asarray(Image.open(tmp_path / 'look.png'))
    # without the legend, 11 × 11
    colors = [(pixels == c).all(2).sum() > 500 for c in (GREEN, RED)]
    return colors, (tmp_path / 'look.html').read_text(encoding='utf-8')


def test_a_query_without_a_match(tmp_path):
    dataset = Images((1, 1, True), (1, 1, False), (2, 1, False))
    colors, page = show(dataset, tmp_path, [1., 12.34])
    assert colors == [False, True]
    assert 'no match from<br>another camera,<br>not evaluated' in page
    assert 'd 12.3' in page and 'd 1.000' in page
    assert '<h1>mAP 50.00 %, rank-1 25.00 %</h1>' in page


def test_nothing_but_dropped_entries(tmp_path):
    dataset = Images((1, 1, True), *[(1, 1, False)] * 7)
    colors, page = show(dataset, tmp_path, np.arange(7.))
    assert colors == [False, False]
    assert 'dropped: 7<br>5 nearest shown' in page
    assert page.count('class="same-camera"') == 5


def test_names_are_escaped(tmp_path):
    dataset = Images((1, 1, True), (1, 2, False))
    colors, page = show(dataset, tmp_path, [1.])
    assert colors == [True, False]
    assert 'a &amp; b' in page and 'folder&lt;1&gt;/1.jpg' in page


@pytest.mark.parametrize('size', [(300, 3, 3), (3, 300, 3), (9, 9)])
def test_images_of_any_shape(tmp_path, size):
    dataset = Images((1, 1, True), (1, 2, False), (1, 1, False), size=size)
    colors, _ = show(dataset, tmp_path, [1., 2.])
    assert colors == [True, False]


@pytest.mark.parametrize('samples, message', [
    ([(1, 1, True)], '1 queries and 0 gallery entries. Both'),
    ([(1, 1, False)] * 2, '0 queries and 2 gallery entries'),
])
def test_a_part_is_missing(samples, message):
    with pytest.raises(ValueError, match=message):
        ReIDTestSet(Images(*samples))


def test_samples_without_cameras():
    dataset = Images((1, 1, True))
    del dataset.infos[0]['camera_id'], dataset.infos[0]['is_query']
    with pytest.raises(ValueError, match='Samples of Images lack camera_id, '
                       'is_query. Give a config'):
        ReIDTestSet(dataset)
