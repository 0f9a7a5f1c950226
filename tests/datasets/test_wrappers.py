"""Labels, images and superclasses of random nested wrappers."""
import re
from collections import Counter
from types import SimpleNamespace

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
from mmengine.registry import DATASETS
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


labels_of_a_leaf = st.lists(st.integers(0, 3), min_size=5, max_size=12)


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
        parts = draw(st.lists(inner(depth - 1), min_size=1, max_size=3))
        return ConcatDataset(
            list(map(built, parts)), lazy_init=draw(st.booleans()))
    if kind is RepeatDataset:
        return RepeatDataset(
            built(draw(inner(depth - 1))),
            draw(st.integers(1, 3)),
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
        return Subset(whole, draw(st.lists(index, min_size=1, max_size=20)))
    parts = st.lists(data_sets(depth - 1), min_size=1, max_size=3)
    return torch.utils.data.ConcatDataset(draw(parts))


@given(dataset=data_sets())
@settings(deadline=None)
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
@settings(deadline=None)
def test_cur_draws_k_of_each_class(dataset, k, world_size, seed):
    drawn = []
    num_classes = len(set(get_labels(dataset)))
    for rank in range(world_size):
        sampler = CURSampler(
            SimpleNamespace(
                dataset=dataset,
                seed=seed,
                epoch=0,
                rank=rank,
                world_size=world_size), num_classes * k, k)
        for batch in sampler:
            labels = [item(dataset, i)[0] for i in batch]
            assert set(Counter(labels).values()) == {k}
            assert len(set(labels)) == num_classes
        drawn.append(list(sampler))
    assert len(set(map(len, drawn))) == 1


def superclasses_for(dataset):
    """A file with a superclass for each image, whatever its index."""
    names = sample_names(dataset)
    labels = np.array([hash(name) % 97 for name in names])
    return Superclasses(labels, np.zeros((97, 2)),
                        dict(dataset=fingerprint_dataset(dataset)))


@given(data=st.data())
@settings(deadline=None)
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
