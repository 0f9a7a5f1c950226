import hashlib
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpretrain.datasets import CIFAR10, CIFAR100, ImageNet
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmcckd.datasets.toy import (
    make_cifar10,
    make_cifar100,
    make_cityscapes,
    make_coco,
    make_fashion_mnist,
    make_imagenet,
)
from mmcckd.datasets.toy.cifar100 import SUPERCLASSES
from mmcckd.reid.toy import make_market1501, make_msmt17

MAKERS = [
    make_imagenet, make_cifar10, make_cifar100, make_fashion_mnist,
    make_coco, make_cityscapes, make_msmt17, make_market1501
]


def digest(folder):
    return {
        path.relative_to(folder): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in Path(folder).rglob('*') if path.is_file()
    }


def features(image):
    """Mean color, contrast, and edges in four directions."""
    x = image.astype(float)
    gray = x.mean(axis=2)
    edges = [
        abs(a - b).mean()
        for a, b in ((gray[1:], gray[:-1]), (gray[:, 1:], gray[:, :-1]),
                     (gray[1:, 1:], gray[:-1, :-1]), (gray[:-1, 1:],
                                                      gray[1:, :-1]))
    ]
    return [*x.mean(axis=(0, 1)), *x.std(axis=(0, 1)), *edges]


def accuracy(train, test):
    """Accuracy of a linear classifier on these few features."""
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    (x, y), (x_test, y_test) = (
        (np.array([features(image) for image, _ in samples]),
         [label for _, label in samples]) for samples in (train, test))
    return model.fit(x, y).score(x_test, y_test)


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory):
    out = tmp_path_factory.mktemp('imagenet')
    assert make_imagenet(out, 2) == dict(train=2000, val=1000)
    return out


@pytest.fixture(scope='module')
def cifar100(tmp_path_factory):
    out = tmp_path_factory.mktemp('cifar100')
    assert make_cifar100(out, 7) == dict(train=700, test=400)
    return out


def test_imagenet_is_read_by_mmpretrain(imagenet):
    samples = {}
    for split, count in dict(train=2, val=1).items():
        dataset = ImageNet(data_root=str(imagenet), split=split)
        labels = dataset.get_gt_labels()
        assert np.bincount(labels).tolist() == [count] * 1000
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        assert all(
            Path(info['img_path']).parent.name == f'n{info["gt_label"]:08d}'
            for info in infos)
        samples[split] = [(cv2.imread(info['img_path']), info['gt_label'])
                          for info in infos]
    shapes = {image.shape for image, _ in samples['train']}
    assert len(shapes) > 100  # of many sizes, upright and not
    assert all(64 <= min(s[:2]) <= 80 and max(s[:2]) <= 96 for s in shapes)
    assert accuracy(samples['train'], samples['val']) > 0.1  # chance: 0.001


def test_cifar10_is_read_by_mmpretrain(tmp_path, monkeypatch):
    assert make_cifar10(tmp_path, 7) == dict(train=70, test=40)
    monkeypatch.setattr(CIFAR10, '_check_integrity', lambda self: True)
    samples = {}
    for split, count in dict(train=7, test=4).items():
        dataset = CIFAR10(data_root=str(tmp_path), split=split)
        assert np.bincount(dataset.get_gt_labels()).tolist() == [count] * 10
        samples[split] = [(dataset[i]['img'], dataset[i]['gt_label'])
                          for i in range(len(dataset))]
    assert samples['train'][0][0].shape == (32, 32, 3)
    assert accuracy(samples['train'], samples['test']) > 0.5  # chance: 0.1
    files = [*CIFAR10.train_list, *CIFAR10.test_list]
    folder = tmp_path / CIFAR10.base_folder
    assert {path.name for path in folder.iterdir()} == {
        'batches.meta', *(name for name, _ in files)
    }
    meta = pickle.loads((folder / 'batches.meta').read_bytes())
    assert tuple(meta['label_names']) == CIFAR10.METAINFO['classes']


def test_cifar100_is_read_by_mmpretrain(cifar100, monkeypatch):
    # MMPretrain downloads what has not the published checksums.
    monkeypatch.setattr(CIFAR100, '_check_integrity', lambda self: True)
    samples = {}
    for split, count in dict(train=7, test=4).items():
        dataset = CIFAR100(data_root=str(cifar100), split=split)
        assert np.bincount(dataset.get_gt_labels()).tolist() == [count] * 100
        samples[split] = [(dataset[i]['img'], dataset[i]['gt_label'])
                          for i in range(len(dataset))]
    assert samples['train'][0][0].shape == (32, 32, 3)
    assert accuracy(samples['train'], samples['test']) > 0.3  # chance: 0.01


@pytest.mark.parametrize('encoding', ['latin1', 'bytes'])
def test_cifar100_has_the_contents_of_the_real_files(cifar100, encoding):
    def key(name):
        return name.encode() if encoding == 'bytes' else name

    folder = cifar100 / 'cifar-100-python'
    assert {path.name for path in folder.iterdir()} == {
        'train', 'test', 'meta'
    }
    with open(folder / 'meta', 'rb') as file:
        meta = pickle.load(file, encoding=encoding)
    fine, coarse = meta[key('fine_label_names')], meta[key(
        'coarse_label_names')]
    assert len(fine) == 100 and sorted(fine) == fine
    assert len(coarse) == 20 and sorted(coarse) == coarse
    assert type(fine[0]) is type(key('')) and fine[0] == key('apple')
    for split, n in dict(train=700, test=400).items():
        content = (folder / split).read_bytes()
        assert content.startswith(b'\x80\x02')  # protocol 2
        batch = pickle.loads(content, encoding=encoding)
        assert set(batch) == set(map(key, (
            'data', 'fine_labels', 'coarse_labels', 'filenames',
            'batch_label')))
        assert batch[key('batch_label')] == key(f'{split}ing batch 1 of 1')
        data = batch[key('data')]
        assert data.dtype == np.uint8 and data.shape == (n, 3072)
        labels = batch[key('fine_labels')]
        for label, superclass, filename in zip(
                labels, batch[key('coarse_labels')], batch[key('filenames')]):
            assert filename.startswith(fine[label])
            name, superclass = (
                x if isinstance(x, str) else x.decode()
                for x in (fine[label], coarse[superclass]))
            assert name in SUPERCLASSES[superclass].split()


def test_the_superclasses_are_of_five_classes():
    names = ' '.join(SUPERCLASSES.values()).split()
    assert len(SUPERCLASSES) == 20 and len(set(names)) == len(names) == 100


@pytest.mark.parametrize('make', [
    make_imagenet, make_cifar100, make_fashion_mnist, make_coco,
    make_cityscapes
])
def test_the_seed_decides(make, tmp_path, monkeypatch):
    # enough of them, and quicker
    monkeypatch.setattr('mmcckd.datasets.toy.imagenet.NUM_CLASSES', 30)
    outs = [tmp_path / name for name in ('a', 'new/b', 'c')]
    for out, seed in zip(outs, (3, 3, 4)):
        make(out, 1, seed=seed)
    same, again, other = map(digest, outs)
    assert same == again
    assert set(same) == set(other)
    pictures = [name for name in same if name.name != 'meta']
    assert all(same[name] != other[name] for name in pictures)


@pytest.mark.parametrize('make', MAKERS)
def test_nothing_is_overwritten(make, tmp_path):
    mine = tmp_path / 'mine.txt'
    mine.write_text('mine')
    with pytest.raises(ValueError, match=f'{tmp_path} is not empty'):
        make(tmp_path)
    with pytest.raises(ValueError, match='mine.txt is a file; give a new fol'):
        make(mine)
    assert mine.read_text() == 'mine' and list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize('make', MAKERS)
def test_no_samples(make, tmp_path):
    with pytest.raises(ValueError, match='at least 1, but is 0'):
        make(tmp_path / 'out', 0)
    assert not (tmp_path / 'out').exists()
