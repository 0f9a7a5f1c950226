"""Toy data in the layouts of COCO and Cityscapes, read without mmdet."""
import json

import cv2
import numpy as np
import pytest

from mmcckd.datasets.toy import make_cityscapes, make_coco
from mmcckd.datasets.toy.cityscapes import LABEL_IDS
from mmcckd.datasets.toy.coco import categories


@pytest.fixture(scope='module')
def coco(tmp_path_factory):
    out = tmp_path_factory.mktemp('coco')
    assert make_coco(out, 7) == dict(train2017=7, val2017=4)
    return out


@pytest.mark.parametrize('split, count', [('train2017', 7), ('val2017', 4)])
def test_coco_has_boxes_and_polygons(coco, split, count):
    content = json.loads(
        (coco / f'annotations/instances_{split}.json').read_text())
    images = {image['id']: image for image in content['images']}
    files = sorted(path.name for path in (coco / split).iterdir())
    assert sorted(i['file_name'] for i in images.values()) == files
    assert len(images) == len(files) == count
    for image in images.values():
        assert image['file_name'] == f'{image["id"]:012d}.jpg'
        picture = cv2.imread(str(coco / split / image['file_name']))
        assert picture.shape == (image['height'], image['width'], 3)
    ids = {category['id'] for category in content['categories']}
    annotations = content['annotations']
    assert len({a['id'] for a in annotations}) == len(annotations)
    assert {a['image_id'] for a in annotations} == set(images)
    for annotation in annotations:
        assert annotation['category_id'] in ids and not annotation['iscrowd']
        polygon = np.array(annotation['segmentation'][0]).reshape(-1, 2)
        x, y, w, h = annotation['bbox']
        np.testing.assert_allclose(polygon.min(axis=0), (x, y), atol=0.01)
        np.testing.assert_allclose(polygon.max(axis=0), (x + w, y + h))
        image = images[annotation['image_id']]
        assert x >= 0 and x + w <= image['width']
        assert y >= 0 and y + h <= image['height']
        # of an ellipse, nearly
        assert annotation['area'] == pytest.approx(np.pi / 4 * w * h, rel=0.02)


def test_the_splits_of_coco_have_no_common_image(coco):
    names = [{path.name for path in (coco / split).iterdir()}
             for split in ('train2017', 'val2017')]
    assert not set.intersection(*names)


def test_the_categories_of_coco():
    found = {category['id']: category['name'] for category in categories()}
    assert len(found) == 80 and max(found) == 90
    # some of the published ones, before and after gaps
    assert (found[1], found[13], found[27], found[90]) == (
        'person', 'stop sign', 'backpack', 'toothbrush')


def test_the_object_is_visible(coco):
    """It is brighter than the background, which is dark."""
    content = json.loads(
        (coco / 'annotations/instances_train2017.json').read_text())
    image = content['images'][0]
    picture = cv2.imread(str(coco / 'train2017' / image['file_name']))
    mask = np.zeros(picture.shape[:2], np.uint8)
    for annotation in content['annotations']:
        if annotation['image_id'] == image['id']:
            polygon = np.array(annotation['segmentation'][0]).reshape(-1, 2)
            cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1)
    assert picture[mask == 1].max(axis=-1).mean() > 2 * (
        picture[mask == 0].max(axis=-1).mean())


def test_cityscapes(tmp_path):
    assert make_cityscapes(tmp_path, 5) == dict(train=5, val=3)
    used = set()
    for split, count in dict(train=5, val=3).items():
        images = sorted(
            (tmp_path / 'leftImg8bit' / split).glob('*/*_leftImg8bit.png'))
        assert len(images) == count
        for path in images:
            city = path.parent.name
            name = path.name.replace('_leftImg8bit.png', '')
            assert name.startswith(f'{city}_')
            folder = tmp_path / 'gtFine' / split / city
            labels, ids = (
                cv2.imread(
                    str(folder / f'{name}_gtFine_{kind}.png'),
                    cv2.IMREAD_UNCHANGED)
                for kind in ('labelTrainIds', 'labelIds'))
            assert cv2.imread(str(path)).shape == (*labels.shape, 3)
            assert labels.dtype == np.uint8 and labels.shape == (96, 192)
            for label in np.unique(labels):
                expected = 1 if label == 255 else LABEL_IDS[label]
                assert (ids[labels == label] == expected).all()
            used |= set(np.unique(labels))
    assert used <= {*range(19), 255} and len(used) > 12
