import gzip
import hashlib
import logging

import numpy as np
import pytest
from mmengine.registry import DATASETS
from mmpretrain.datasets import FashionMNIST

from mmcckd.datasets import LocalFashionMNIST
from mmcckd.datasets.toy import make_fashion_mnist

IMAGES, LABELS = 'train-images-idx3-ubyte', 'train-labels-idx1-ubyte'


@pytest.fixture
def toy(tmp_path):
    assert make_fashion_mnist(tmp_path / 'toy', 22) == dict(
        train=220, val=20, test=110)
    return tmp_path / 'toy'


def key(dataset):
    return sorted((info['img'].tobytes(), int(info['gt_label']))
                  for info in map(dataset.get_data_info, range(len(dataset))))


def read(toy, name):
    return gzip.decompress((toy / f'{name}.gz').read_bytes())


def write(toy, name, content):
    (toy / f'{name}.gz').write_bytes(gzip.compress(content))


def test_gives_what_mmpretrain_gives(toy):
    splits = [
        LocalFashionMNIST(str(toy), split)
        for split in LocalFashionMNIST.SPLITS
    ]
    for path in toy.iterdir():  # it reads the uncompressed files
        (toy / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    train, test = (
        FashionMNIST(str(toy), split, test_mode=split == 'test')
        for split in ('train', 'test'))
    assert key(splits[0]) + key(splits[1]) != key(train)
    assert sorted(key(splits[0]) + key(splits[1])) == key(train)
    assert key(splits[2]) == key(test)
    assert splits[0].metainfo == train.metainfo
    assert splits[0][0]['img'].shape == (28, 28)


@pytest.mark.parametrize('split, count', [
    ('train', 22), ('val', 2), ('test', 11)])
def test_splits_are_stratified(toy, split, count):
    dataset = LocalFashionMNIST(str(toy), split)
    assert np.bincount(dataset.get_gt_labels()).tolist() == [count] * 10


def test_the_choice_is_fixed(toy):
    images = np.zeros((240, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(240)
    write(toy, IMAGES, read(toy, IMAGES)[:16] + images.tobytes())
    write(toy, LABELS,
          read(toy, LABELS)[:8] + bytes(i % 10 for i in range(240)))
    dataset = LocalFashionMNIST(str(toy), 'val')
    chosen = [dataset[i]['img'][0, 0] for i in range(len(dataset))]
    assert chosen == [
        16, 19, 23, 55, 64, 76, 100, 110, 119, 122, 124, 148, 157, 171, 177,
        188, 195, 212, 231, 233
    ]


def test_few_labels_are_among_more(toy):
    few, more = (
        LocalFashionMNIST(str(toy), samples_per_class=m) for m in (3, 7))
    assert np.bincount(few.get_gt_labels()).tolist() == [3] * 10
    assert set(key(few)) < set(key(more))


def test_files_that_are_not_compressed(toy):
    expected = key(LocalFashionMNIST(str(toy)))
    for name in (IMAGES, LABELS):
        (toy / name).write_bytes(read(toy, name))
        (toy / f'{name}.gz').unlink()
    assert key(LocalFashionMNIST(str(toy))) == expected


def test_feeds_a_pipeline_of_mmpretrain(toy):
    dataset = DATASETS.build(
        dict(
            type='LocalFashionMNIST',
            data_root=str(toy),
            split='val',
            pipeline=[
                dict(type='RandomCrop', crop_size=28, padding=2),
                dict(type='PackInputs')
            ]))
    sample = dataset[0]
    assert sample['inputs'].shape == (1, 28, 28)
    assert sample['data_samples'].gt_label.item() in range(10)
    assert 'Split: \tval' in repr(dataset)


def test_warns_of_data_that_is_not_the_published(toy, log, monkeypatch):
    LocalFashionMNIST(str(toy))
    messages = [r.getMessage() for r in log.records
                if r.levelno == logging.WARNING]
    assert [str(toy / f'{name}.gz') in message
            for name, message in zip((IMAGES, LABELS), messages)] == [True] * 2
    assert 'not the published Fashion-MNIST, but other data of 240 sam' in (
        messages[0])
    log.clear()
    monkeypatch.setattr(
        'mmcckd.datasets.local_fashion_mnist.PUBLISHED', {
            name: hashlib.md5(read(toy, name)).hexdigest()
            for name in (IMAGES, LABELS)
        })
    LocalFashionMNIST(str(toy))
    assert not log.records


def test_missing_file(toy):
    (toy / f'{LABELS}.gz').unlink()
    LocalFashionMNIST(str(toy), 'test')  # needs the other files alone
    with pytest.raises(
            FileNotFoundError,
            match=f'{toy}/{LABELS}.gz, nor without .gz.*'
            'package dataset-fashion-mnist has'):
        LocalFashionMNIST(str(toy))


def change(content, index, value):
    return content[:index] + bytes([value]) + content[index + 1:]


@pytest.mark.parametrize('name, spoil, message', [
    (IMAGES, lambda x: change(x, 3, 1), 'begins with 00 00 08 01'),
    (IMAGES, lambda x: change(x, 2, 9), 'begins with 00 00 09 03'),
    (IMAGES, lambda x: change(x, 7, 241), 'IDX file of images, uint8'),
    (IMAGES, lambda x: change(x, 11, 27), 'IDX file of images, uint8'),
    (IMAGES, lambda x: x[:-1], 'it has 188,175 bytes'),
    (IMAGES, lambda x: x + b'0', 'it has 188,177 bytes'),
    (IMAGES, lambda x: x[:16], 'it has 16 bytes'),
    (IMAGES, lambda x: b'<html>', 'it has 6 bytes'),
    (IMAGES, lambda x: b'', 'it has 0 bytes'),
    (LABELS, lambda x: change(x, 8, 10), 'IDX file of labels, 0 to 9'),
    (LABELS, lambda x: change(x, 7, 239)[:-1], '240 images, but 239 labels'),
])
def test_contents_of_another_format(toy, name, spoil, message):
    write(toy, name, spoil(read(toy, name)))
    with pytest.raises(ValueError, match=f'{message}.*dataset-fashion-mnist'):
        LocalFashionMNIST(str(toy))


@pytest.mark.parametrize('spoil', [
    lambda x: x[:-20], lambda x: b'<html>', lambda x: change(x, 500, 0)])
def test_a_damaged_file(toy, spoil):
    path = toy / f'{IMAGES}.gz'
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=f'{path} is damaged'):
        LocalFashionMNIST(str(toy))


@pytest.mark.parametrize('settings, error, message', [
    (dict(split='dev'), ValueError, "'val', 'test'.*is 'dev'"),
    (dict(samples_per_class=23), ValueError, '1 and 22.*class 0 in the train'),
    (dict(samples_per_class=0), ValueError, 'but is 0'),
    (dict(samples_per_class=5.), TypeError, 'int or None, but is 5.0'),
])
def test_settings_out_of_range(toy, settings, error, message):
    with pytest.raises(error, match=message):
        LocalFashionMNIST(str(toy), **settings)
