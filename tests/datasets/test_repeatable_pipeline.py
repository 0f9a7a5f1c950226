import itertools
import random
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import (
    BaseDataset,
    ConcatDataset,
    default_collate,
    pseudo_collate,
)
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.structures import DataSample

from mmcckd.datasets.repeatable_pipeline import check_batches, check_pipeline
from mmcckd.datasets.repeatable_views import RepeatableViews


class Six(BaseDataset):

    def __init__(self, pipeline):
        super().__init__(pipeline=pipeline, serialize_data=False)

    def load_data_list(self):
        return [
            dict(img=np.full((8, 8), i, np.uint8), gt_label=0)
            for i in range(6)
        ]


def views(*transforms):
    return RepeatableViews(Six(pipeline=list(transforms)), 2)


def brighter(data):
    return dict(data, img=data['img'] + np.random.randint(99))


def pack(data):
    return dict(
        inputs=torch.tensor(data['img'])[None],
        data_samples=DataSample().set_gt_label(data['gt_label']))


class OwnNoise:
    """A transform with a generator of its own, which it rarely uses."""

    def __init__(self, generator):
        self.options = dict(noise=[generator])

    def __call__(self, data):
        return data


class Applied:
    """A transform with transforms."""

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, data):
        for transform in self.transforms:
            data = transform(data)
        return data


@pytest.mark.parametrize('generator', [
    random.Random(0),
    np.random.default_rng(0),
    np.random.RandomState(0),
    torch.Generator(),
])
def test_generators_are_found_even_if_rarely_used(generator):
    name = type(generator).__name__
    applied = Applied([OwnNoise(generator)])
    dataset = ConcatDataset([
        Six(pipeline=[pack]),
        Six(pipeline=[brighter, applied, pack]),
    ])
    with pytest.raises(ValueError, match=(
            'The transform Applied has its own random generator, a '
            rf"{name} in \.transforms\[0\]\.options\['noise'\]\[0\], so ")):
        check_pipeline(RepeatableViews(dataset, 1))


def test_the_global_generators_may_be_attributes():
    transforms = [
        OwnNoise(generator)
        for generator in (random._inst, np.random.mtrand._rand,
                          torch.random.default_generator)
    ]
    transforms[0].options.update(itself=transforms[0], module=torch)
    check_pipeline(views(brighter, *transforms, pack))


def opencv_noise(data):
    noise = np.zeros((8, 8), np.uint8)
    return dict(data, img=data['img'] + cv2.randu(noise, 0, 100))


def entropy(data):
    return dict(data, gt_label=int(np.random.default_rng().integers(10**9)))


class Counter:

    def __init__(self):
        self.numbers = itertools.count()

    def __call__(self, data):
        return dict(data, img=data['img'] + np.uint8(next(self.numbers)))


@pytest.mark.parametrize('transform, name', [
    (opencv_noise, 'opencv_noise'),
    (entropy, 'entropy'),
    (Counter(), 'Counter'),
])
def test_the_transform_that_differs_each_time_is_named(transform, name):
    state = np.random.get_state()[1].tolist()
    with pytest.raises(ValueError, match=f'The transform {name} returns '
                       'something else each time, even if the global'):
        check_pipeline(views(brighter, transform, brighter, pack))
    assert np.random.get_state()[1].tolist() == state


def test_a_data_set_that_differs_each_time_is_named():

    class Drawn(torch.utils.data.Dataset):

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.random.default_rng().random()

    with pytest.raises(ValueError, match='The data set, a Drawn, returns'):
        check_pipeline(RepeatableViews(Drawn(), 1))


def test_what_cannot_be_compared_is_not_refused():
    check_pipeline(views(brighter, pack, lambda data: dict(data, x=object())))


@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
def test_batches_of_mmengine(collate):
    check_batches(views(brighter, pack), collate, ClsDataPreprocessor())


def test_batches_without_a_data_preprocessor():
    check_batches(views(brighter, pack), pseudo_collate, None)


def mixed(samples):
    return pseudo_collate(samples[::random.choice((1, -1))])


def test_a_collate_fn_that_draws_is_refused():
    state = random.getstate()
    with pytest.raises(ValueError, match='The collate_fn mixed draws random'):
        check_batches(views(pack), mixed, None)
    assert random.getstate() == state


class RandomResize(ClsDataPreprocessor):

    def forward(self, data, training=False):
        size = int(torch.randint(4, 9, ()))
        data = super().forward(data, training)
        return dict(data, inputs=data['inputs'][..., :size, :size])


def test_a_data_preprocessor_that_draws_is_refused():
    with pytest.raises(ValueError, match='The data_preprocessor, a '
                       'RandomResize, draws random numbers, so'):
        check_batches(views(pack), pseudo_collate, RandomResize())


def test_images_of_different_sizes_are_not_stacked():
    """That fails in a batch, if at all, and not in this check."""

    def cropped(data):
        size = 4 + data['img'][0, 0] % 4
        return dict(data, img=data['img'][:size])

    with mock.patch('torch.stack', wraps=torch.stack) as stack:
        check_batches(views(cropped, pack), default_collate, None)
    assert stack.called
