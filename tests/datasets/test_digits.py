import zlib

import numpy as np
import pytest
from mmengine.registry import DATASETS
from sklearn.datasets import load_digits

from mmcckd.datasets import Digits


def test_splits_partition_the_source():
    source = load_digits()
    images, labels = [], []
    for split in Digits.SPLITS:
        dataset = Digits(split=split)
        images += [dataset[i]['img'] for i in range(len(dataset))]
        labels += list(dataset.get_gt_labels())
        # stratified: no class is more than 10 % off its share
        counts = np.bincount(dataset.get_gt_labels())
        assert counts.max() - counts.min() <= 0.1 * counts.mean()
    assert len(images) == len(source.images) == 1797
    expected = np.round(source.images * (255 / 16)).astype(np.uint8)
    key = sorted(zip([i.tobytes() for i in images], labels))
    assert key == sorted(zip([i.tobytes() for i in expected], source.target))


def test_the_split_is_fixed():
    checksums = {}
    for split in Digits.SPLITS:
        dataset = Digits(split=split)
        images = (dataset[i]['img'].tobytes() for i in range(len(dataset)))
        checksums[split] = zlib.crc32(b''.join(images))
    assert checksums == dict(train=3836327206, val=4124382915, test=903129624)


def test_few_labels_are_among_more():
    few, more = (
        Digits(samples_per_class=m, serialize_data=False) for m in (3, 7))
    assert np.bincount(few.get_gt_labels()).tolist() == [3] * 10
    more = {info['img'].tobytes() for info in more.data_list}
    assert {info['img'].tobytes() for info in few.data_list} < more


def test_imbalance():
    even, tail = (
        Digits(samples_per_class=50, imbalance=i, serialize_data=False)
        for i in (1, 50))
    counts = np.bincount(tail.get_gt_labels())
    assert counts.tolist() == [50, 32, 21, 14, 9, 6, 4, 2, 2, 1]
    even = {info['img'].tobytes() for info in even.data_list}
    assert {info['img'].tobytes() for info in tail.data_list} < even


@pytest.mark.parametrize('settings', [
    dict(imbalance=0.5),
    dict(imbalance=50),
    dict(imbalance=50, samples_per_class=49),
    dict(imbalance=float('nan'), samples_per_class=49),
])
def test_imbalance_out_of_range(settings):
    with pytest.raises(ValueError, match='between 1 and samples_per_class'):
        Digits(**settings)


def test_imbalance_is_a_number():
    with pytest.raises(TypeError, match="must be a number, but is '50'"):
        Digits(imbalance='50', samples_per_class=50)


def test_feeds_a_pipeline_of_mmpretrain():
    dataset = DATASETS.build(
        dict(
            type='Digits',
            split='test',
            pipeline=[
                dict(type='RandomCrop', crop_size=8, padding=1),
                dict(type='PackInputs')
            ]))
    sample = dataset[0]
    assert sample['inputs'].shape == (1, 8, 8)
    assert sample['data_samples'].gt_label.item() in range(10)
    assert dataset.metainfo['classes'] == tuple('0123456789')
    assert 'Split: \ttest' in repr(dataset)


def test_unknown_split():
    with pytest.raises(ValueError, match="one of.*'train', 'val'.*'dev'"):
        Digits(split='dev')


def test_number_of_samples_is_an_int():
    with pytest.raises(TypeError, match='must be an int or None, but is 2.5'):
        Digits(samples_per_class=2.5)


@pytest.mark.parametrize('limit', [0, 71])
def test_more_samples_than_there_are(limit):
    with pytest.raises(ValueError, match=f'between 1 and 7., .* is {limit}'):
        Digits(samples_per_class=limit)
