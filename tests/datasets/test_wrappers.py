"""Labels, images and superclasses of random nested wrappers."""
import re
from collections import Counter
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch.utils.data
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.dataset import (
    ClassBalancedDataset,
    ConcatDataset,
    DefaultSampler,
    RepeatDataset,
)
from mmpretrain.datasets import BaseDataset, KFoldDataset
from mmrazor.datasets import CRDDataset
from torch.utils.data import Subset

from mmcckd.datasets import CURSampler, SURSampler
from mmcckd.datasets.fingerprint import fingerprint_dataset, sample_names
from mmcckd.datasets.samplers.cur_sampler import get_labels
from mmcckd.datasets.wrappers import get_data_info, unwrap
from mmcckd.superclasses import Superclasses

WRAPPERS = (ClassBalancedDataset, ConcatDataset, CRDDataset, KFoldDataset,
            RepeatDataset, Subset, torch.utils.data.ConcatDataset)


@pytest.fixture(scope='module', autouse=True)
def no_garbage_collection():
    """Data sets collect garbage when they serialize their samples, which takes
    most of the time of these tests."""
    with mock.patch('mmengine.dataset.base_dataset.gc.collect'):
        yield


class Leaf(BaseDataset):
    """Samples with a path, a label and a black image."""

    def __init__(self, labels, folder='a', **kwargs):
        self.labels, self.folder = labels, folder
        super().__init__(
            ann_file='',
            metainfo=dict(classes=tuple('abcd')),
            pipeline=[dict(type='PackInputs')],
            **kwargs)

    def load_data_list(self):
        image = np.zeros((1, 1, 3), np.uint8)
        return [
            dict(
                img=image,
                img_path=f'/data/{self.folder}/{i}.jpg',
                gt_label=label) for i, label in enumerate(self.labels)
        ]


def item(dataset, idx):
    """Label and path of what the data loader gets."""
    sample = dataset[idx]['data_samples']
    return sample.gt_label.item(), sample.img_path


def built(dataset):
    """MMEngine's wrappers take other wrappers only if they build them."""
    return dict(type=lambda: dataset)


labels_of_a_leaf = st.lists(st.integers(0, 3), min_size=5, max_size=7)


@st.composite
def leaves(draw):
    return Leaf(
        draw(labels_of_a_leaf),
        folder=draw(st.sampled_from('ab')),
        serialize_data=draw(st.booleans()),
        lazy_init=draw(st.booleans()))


@st.composite
def inner(draw, depth):
    """A data set that MMEngine's wrappers take: it has metainfo."""
    kind = draw(st.sampled_from(WRAPPERS[:5])) if depth else None
    if kind is None:
        return draw(leaves())
    if kind is ConcatDataset:
        parts = draw(st.lists(inner(depth - 1), min_size=1, max_size=2))
        return ConcatDataset(
            list(map(built, parts)), lazy_init=draw(st.booleans()))
    if kind is RepeatDataset:
        return RepeatDataset(
            built(draw(inner(depth - 1))),
            draw(st.integers(1, 2)),
            lazy_init=draw(st.booleans()))
    leaf = draw(leaves())
    if kind is KFoldDataset:
        return KFoldDataset(
            built(leaf),
            fold=draw(st.integers(0, 2)),
            num_splits=3,
            test_mode=draw(st.booleans()),
            seed=draw(st.none() | st.integers(0, 9)))
    if kind is CRDDataset:  # as many samples of each class, with NumPy 1.24
        leaf = Leaf(draw(st.permutations([0, 1, 2, 3] * 2)))
        return CRDDataset(leaf, neg_num=1, percent=1)
    return ClassBalancedDataset(  # as KFoldDataset, or a leaf
        built(draw(st.sampled_from([leaf, KFoldDataset(built(leaf))]))),
        oversample_thr=draw(st.floats(0.1, 3)))


@st.composite
def data_sets(draw, depth=3):
    """Any nested wrappers; those of PyTorch are outside the others."""
    kind = draw(st.sampled_from([None, *WRAPPERS[5:]])) if depth else None
    if kind is None:
        return draw(inner(depth))
    if kind is Subset:
        whole = draw(data_sets(depth - 1))
        index = st.integers(0, len(whole) - 1)
        return Subset(whole, draw(st.lists(index, min_size=1, max_size=9)))
    parts = st.lists(data_sets(depth - 1), min_size=1, max_size=2)
    return torch.utils.data.ConcatDataset(draw(parts))


@given(dataset=data_sets())
@settings(deadline=None, max_examples=100)
def test_labels_and_images_are_those_of_the_items(dataset):
    labels, paths = zip(*(item(dataset, i) for i in range(len(dataset))))
    assert tuple(get_labels(dataset)) == labels
    assert tuple(sample_names(dataset)) == paths
    for i in {0, len(dataset) - 1}:
        assert get_data_info(dataset, i)['img_path'] == paths[i]


@given(
    dataset=data_sets(),
    k=st.integers(1, 3),
    world_size=st.integers(1, 3),
    seed=st.integers(0, 99))
@settings(deadline=None, max_examples=100)
def test_cur_draws_k_of_each_class(dataset, k, world_size, seed):
    labels_of = np.array([item(dataset, i)[0] for i in range(len(dataset))])
    num_classes = len(set(labels_of))
    lengths = set()
    for rank in range(world_size):
        sampler = CURSampler(
            SimpleNamespace(
                dataset=dataset,
                seed=seed,
                epoch=0,
                rank=rank,
                world_size=world_size), num_classes * k, k)
        for batch in sampler:
            labels = Counter(labels_of[batch])
            assert set(labels.values()) == {k}
            assert len(labels) == num_classes
        lengths.add(len(list(sampler)))
    assert len(lengths) == 1


def superclasses_for(dataset):
    """A file with a superclass for each image, whatever its index."""
    names = sample_names(dataset)
    labels = np.array([hash(name) % 97 for name in names])
    return Superclasses(labels, np.zeros((97, 2)),
                        dict(dataset=fingerprint_dataset(dataset)))


@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_superclasses_are_those_of_the_images(data):
    """A file of any data set within the wrappers fits, if all samples are of
    this data set."""
    dataset = data.draw(data_sets())
    inside = dataset
    while unwrap(inside) is not None and data.draw(st.booleans()):
        inside = data.draw(st.sampled_from(unwrap(inside).datasets))
    file = superclasses_for(inside)
    expected = [hash(name) % 97 for name in sample_names(dataset)]
    only = unwrap(dataset) is None or set(sample_names(dataset)) <= set(
        sample_names(inside))
    try:
        found = file.of_samples(dataset, 'f.npz').tolist()
    except ValueError as error:
        assert 'The superclass file f.npz' in str(error)
        parts = [dataset]
        while len(parts) == 1 and parts[0] is not inside:
            parts = unwrap(parts[0]).datasets
        assert len(parts) > 1  # joined with others
    else:
        assert only and found == expected


A = Leaf([0, 1, 2, 0, 1, 2])
B = Leaf([0, 1, 2, 0, 1, 2], folder='b')
OTHER = Leaf([0, 1, 2, 0, 1])


@pytest.mark.parametrize('wrap, indices', [
    (lambda: RepeatDataset(A, 2), [0, 1, 2, 3, 4, 5] * 2),
    (lambda: Subset(A, [5, 0, 1]), [5, 0, 1]),
    (lambda: Subset(A, [5, 4, 3, 2, 1, 0]), [5, 4, 3, 2, 1, 0]),
    (lambda: ConcatDataset([A, A]), [0, 1, 2, 3, 4, 5] * 2),
    (lambda: torch.utils.data.ConcatDataset(
        [Subset(A, [3]), RepeatDataset(A, 1)]), [3, 0, 1, 2, 3, 4, 5]),
    (lambda: ClassBalancedDataset(A, 1.), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
     ),
])
def test_sur_takes_the_file_of_the_wrapped_data_set(wrap, indices, tmp_path):
    path = str(tmp_path / 'superclasses.npz')
    labels = np.array([3, 1, 2, 0, 1, 3])
    Superclasses(labels, np.zeros((4, 2)),
                 dict(dataset=fingerprint_dataset(A))).save(path)
    dataset = wrap()
    found = Superclasses.load(path).of_samples(dataset, path)
    assert found.tolist() == labels[indices].tolist()
    sampler = SURSampler(DefaultSampler(dataset, seed=0), 2, path, 1)
    for batch in sampler:
        assert len(set(found[batch])) == 2


def folds(test_mode=False):
    return KFoldDataset(
        built(A), fold=0, num_splits=3, seed=0, test_mode=test_mode)


@pytest.mark.parametrize('wrap, what', [
    (lambda: RepeatDataset(OTHER, 2),
     'is not of this RepeatDataset: the file has 6 samples, the dataset 10; '
     'nor of the inner Leaf: the file has 6 samples, the dataset 5. Cluster'),
    (lambda: Subset(RepeatDataset(OTHER, 2), range(6)),
     'this Subset: .* of other images; nor of the inner RepeatDataset: .*; nor'
     ' of the inner Leaf: '),
    (lambda: ConcatDataset([A, OTHER]), 'inner Leaf: .* 6 samples, the datas'),
    (lambda: RepeatDataset(built(folds()), 2), 'inner KFoldDataset: .* 6 samp'
     'les, the dataset 4; nor of the inner Leaf: '),
    (lambda: ConcatDataset([A, B]), 'fits 2 data sets inside ConcatDataset, '
     'whose images have the same names in different folders'),
])
def test_the_file_of_other_data(wrap, what):
    with pytest.raises(
            ValueError, match=f'The superclass file f.npz .*{what}'):
        superclasses_for(A).of_samples(wrap(), 'f.npz')


def test_the_file_of_a_fold():
    expected = [hash(name) % 97 for name in sample_names(folds())]
    file = superclasses_for(folds())
    assert file.of_samples(folds(), 'f.npz').tolist() == expected
    twice = file.of_samples(RepeatDataset(built(folds()), 2), 'f.npz')
    assert twice.tolist() == expected * 2


class Shifted(torch.utils.data.Dataset):
    """A wrapper that is not known, and passes on what it does not define."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __getattr__(self, name):
        return getattr(self.dataset, name)

    def __getitem__(self, idx):
        return self.dataset[idx - 1]

    def __len__(self):
        return len(self.dataset)


class ShiftedFold(KFoldDataset):

    def __getitem__(self, idx):
        return super().__getitem__(idx - 1)


class Known(Shifted):

    def get_gt_labels(self):
        return np.roll(self.dataset.get_gt_labels(), 1)

    def get_data_info(self, idx):
        return self.dataset.get_data_info(idx - 1)


class Named(RepeatDataset):
    """A subclass that returns the same samples."""

    def full_init(self):
        super().full_init()
        self.name = 'named'


def test_a_wrapper_that_hides_labels_and_images():
    hiding = torch.utils.data.ConcatDataset([A, Subset(Shifted(A), range(5))])
    chain = re.escape('ConcatDataset > Subset > Shifted')
    known = ('ClassBalancedDataset, ConcatDataset, CRDDataset, KFoldDataset, '
             'RepeatDataset and Subset, and their subclasses')
    with pytest.raises(TypeError, match=(
            f'CURSampler needs labels, but {chain} has neither .* Shifted '
            f'wraps another .* only known for {known} .* or define '
            r'get_gt_labels\(\) in Shifted\.')):
        CURSampler(DefaultSampler(hiding, seed=0), 4, 2)
    with pytest.raises(TypeError, match=(
            fr'but {chain} does not give .* define get_data_info\(idx\) in')):
        fingerprint_dataset(hiding)


def test_a_subclass_that_returns_other_samples():
    dataset = ShiftedFold(built(A), num_splits=3)
    with pytest.raises(TypeError, match='ShiftedFold has neither get_gt_lab'):
        get_labels(dataset)
    with pytest.raises(TypeError, match='ShiftedFold does not give'):
        sample_names(dataset)


def test_a_subclass_that_returns_the_same_samples():
    assert get_labels(Named(A, 2)).tolist() == [0, 1, 2, 0, 1, 2] * 2


def test_an_unknown_wrapper_that_gives_labels_and_images():
    dataset = Subset(Known(A), range(6))
    assert get_labels(dataset).tolist() == [
        item(dataset, i)[0] for i in range(6)]
    assert sample_names(dataset) == [item(dataset, i)[1] for i in range(6)]


def test_a_data_set_with_fewer_labels_than_samples():
    leaf = Leaf([0, 1, 2])
    leaf.get_gt_labels = lambda: [0, 1]
    with pytest.raises(
            ValueError, match='RepeatDataset > Leaf has 3 samples, but 2 of'):
        get_labels(RepeatDataset(leaf, 2))
