import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, RepeatDataset
from mmengine.registry import DefaultScope
from torch.utils.data import Subset

from mmcckd.datasets.repeatable_views import (
    RepeatableViews,
    preserved_generators,
)


class Pictures(BaseDataset):
    """Pictures of noise, the same in each process."""

    def load_data_list(self):
        rng = np.random.default_rng(0)
        return [
            dict(img=rng.integers(0, 256, (24, 24, 3), dtype=np.uint8),
                 gt_label=0) for _ in range(12)
        ]


def pictures(*transforms):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return Pictures(
            pipeline=[*transforms, dict(type='PackInputs')],
            serialize_data=False)


CROP = dict(type='RandomCrop', crop_size=16)


def shown(views, indices, epoch=0):
    views.epoch.fill_(epoch)
    return [sample['inputs'] for sample in views(indices)]


def equal(ones, others):
    return all(map(torch.equal, ones, others))


def states():
    return (random.getstate(), np.random.get_state()[1].tolist(),
            torch.get_rng_state().tolist())


# What draws from each of the three generators, and from several of them.
PIPELINES = {
    'RandomResizedCrop': [dict(type='RandomResizedCrop', scale=16)],
    'RandomFlip': [CROP, dict(type='RandomFlip', prob=0.5)],
    'AutoAugment': [CROP, dict(type='AutoAugment', policies='imagenet')],
    'RandAugment': [
        dict(type='RandAugment', policies='timm_increasing', num_policies=2,
             total_level=10, magnitude_level=9, magnitude_std=0.5)
    ],
    'RandomErasing': [
        dict(type='RandomErasing', erase_prob=1., mode='rand',
             min_area_ratio=0.1)
    ],
    'ColorJitter': [
        # mmcv's hue does not work with NumPy 2
        dict(type='ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4)
    ],
    'RandomApply': [
        dict(type='RandomApply', prob=0.5, transforms=[
            dict(type='Lighting', eigval=[55., 9., 1.],
                 eigvec=[[0.6, 0., 0.], [0., 0.6, 0.], [0., 0., 0.5]])
        ]), CROP
    ],
    'torchvision': [
        dict(type='NumpyToPIL', to_rgb=True),
        dict(type='torchvision/RandomResizedCrop', size=16),
        dict(type='torchvision/RandAugment'),
        dict(type='torchvision/ColorJitter', brightness=0.4, contrast=0.4),
        dict(type='torchvision/ToTensor'),
        dict(type='torchvision/RandomErasing', p=1., value='random'),
    ],
}


@pytest.mark.parametrize('name', PIPELINES)
def test_any_pipeline_of_mmpretrain_and_torchvision(name):
    views = RepeatableViews(pictures(*PIPELINES[name]), views=3)
    epochs = [shown(views, range(12), epoch) for epoch in range(3)]
    assert not equal(epochs[0], epochs[1]) and not equal(
        epochs[1], epochs[2])
    # Other batches, in another order, after other draws, in a later epoch.
    random.random(), np.random.rand(7), torch.rand(7)
    for epoch in (4, 3):
        for batch in ([7], [11, 0, 7], [3, 3]):
            assert equal(
                shown(views, batch, epoch),
                [epochs[epoch % 3][i] for i in batch])


class Draws(torch.utils.data.Dataset):
    """What each of the generators draws for a sample."""

    def __init__(self, size=4):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return torch.tensor(
            [random.random(), np.random.rand(), torch.rand(()).item(),
             random.gauss(0, 1), np.random.randn(), torch.randn(()).item()])


def test_seeds_indices_and_views_have_numbers_of_their_own():
    numbers = []
    for seed in range(3):
        views = RepeatableViews(Draws(), 5, seed)
        for epoch in range(5):
            views.epoch.fill_(epoch)
            numbers += views(range(4))
    numbers = torch.stack(numbers)
    assert len(numbers.unique()) == numbers.numel() == 3 * 5 * 4 * 6


def test_a_repeated_data_set_has_views_of_its_own():
    views = RepeatableViews(RepeatDataset(pictures(CROP), 2), 1)
    first, second = views([3, 15])
    assert not torch.equal(first['inputs'], second['inputs'])
    assert second['data_samples'].dataset_index == 15
    views = RepeatableViews(Subset(RepeatDataset(pictures(CROP), 2), [3, 15]),
                            1)
    samples = views([0, 1])
    assert [s['data_samples'].dataset_index for s in samples] == [0, 1]
    assert not torch.equal(samples[0]['inputs'], samples[1]['inputs'])


def test_samples_know_their_index_and_view():
    views = RepeatableViews(pictures(CROP), 3)
    views.epoch.fill_(5)
    samples = [sample['data_samples'] for sample in views(np.array([4, 0]))]
    assert [sample.dataset_index for sample in samples] == [4, 0]
    assert [sample.view for sample in samples] == [2, 2]
    assert set(samples[0].metainfo_keys()) >= {'dataset_index', 'view'}


def test_a_data_set_that_gets_a_batch_at_once():

    class AtOnce(Draws):

        def __getitems__(self, indices):
            return [self[i] + i for i in indices]

    views = RepeatableViews(AtOnce(), 1)
    assert torch.equal(views([1, 3])[1], views([3])[0])
    assert views([3])[0][0] >= 3


def test_a_view_that_is_not_that_of_the_epoch():
    views = RepeatableViews(Draws(), 3)
    views.epoch.fill_(1)
    expected = views([2, 0])
    views.epoch.fill_(5)
    assert all(map(torch.equal, views.load([2, 0], view=1), expected))
    with pytest.raises(ValueError, match='yields the index 4'):
        views.load([4], view=0)


def test_what_is_to_be_read_ahead():
    views, batches = RepeatableViews(Draws(), 2), []
    views.read_ahead = lambda view, indices: batches.append((view, indices))
    views.epoch.fill_(3)
    views(torch.tensor([2, 1]))
    assert batches == [(1, [2, 1])]


@pytest.mark.parametrize('fails', [False, True])
def test_the_generators_go_on_as_if_nothing_was_loaded(fails):

    class Fails(Draws):

        def __getitem__(self, index):
            assert torch.get_num_threads() == 1
            drawn = super().__getitem__(index)
            if fails and index == 2:
                raise OSError('no such picture')
            return drawn

    random.gauss(0, 1), np.random.randn(), torch.randn(())  # half of a pair
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with preserved_generators():
            expected = Draws()[0]
        before = states()
        views = RepeatableViews(Fails(), 1)
        if fails:
            with pytest.raises(OSError, match='no such picture'):
                views([0, 2])
        else:
            views([0, 1])
        assert states() == before
        assert torch.equal(Draws()[0], expected)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_the_number_of_threads_has_no_influence():
    """The last bits of a mean depend on it, and so does ColorJitter's
    contrast."""

    class Means(Draws):

        def __getitem__(self, index):
            return torch.rand(224, 224).mean()

    views, means = RepeatableViews(Means(20), 1), []
    threads = torch.get_num_threads()
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            means.append(torch.stack(views(range(20))))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*means)


@pytest.mark.parametrize('index', [-1, 4, 10**6])
def test_indices_beyond_the_data_set_are_refused(index):
    with pytest.raises(ValueError, match=f'yields the index {index}, but the '
                       'Draws has 4 samples, so indices are 0 to 3'):
        RepeatableViews(Draws(), 1)([0, index])


@pytest.mark.parametrize('arguments, error, message', [
    (dict(views=0), ValueError, 'views must be at least 1, but is 0'),
    (dict(views=1.5), TypeError, 'views must be an int, but is 1.5'),
    (dict(views=True), TypeError, 'views must be an int, but is True'),
    (dict(views=2, seed=-1), ValueError, 'seed must be at least 0'),
    (dict(views=2, seed=None), TypeError, 'seed must be an int'),
])
def test_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        RepeatableViews(Draws(), **arguments)
