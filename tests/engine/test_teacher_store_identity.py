from functools import partial

import numpy as np
import pytest
import torch
from mmengine.dataset import (
    BaseDataset,
    Compose,
    ConcatDataset,
    RepeatDataset,
)
from mmengine.model import BaseDataPreprocessor
from mmpretrain.registry import MODELS
from torch import nn
from torch.utils.data import Subset

from mmcckd.engine.teacher_store_identity import (
    dataset_identity,
    images_identity,
    teacher_identity,
)
from mmcckd.models.algorithms.teacher_images import convert_images_for_teacher


def network(depth=18, **options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='ResNet_CIFAR', depth=depth, base_channels=4,
                          stem_channels=4, **options),
            data_preprocessor=dict(mean=[1., 2., 3.], std=[1., 1., 1.])))


def test_what_decides_the_teachers_identity():
    identity = teacher_identity(network())
    assert identity['type'] == 'ImageClassifier'
    assert identity['precision'] == 'float32'
    for same in (network(init_cfg=dict(type='Kaiming', layer='Conv2d')),
                 network().to(memory_format=torch.channels_last)):
        same.data_preprocessor = nn.Identity()
        assert teacher_identity(same) == identity

    other = network()
    nn.init.constant_(other.backbone.bn1.running_mean, 1e-3)
    norms = network(norm_cfg=dict(type='BN', eps=1e-3))
    outputs = network(out_indices=(2, 3))  # same modules, other features
    for changed, part in ((teacher_identity(other), 'weights'),
                          (teacher_identity(norms), 'modules'),
                          (teacher_identity(outputs), 'modules'),
                          (teacher_identity(network(), 'float16'),
                           'precision')):
        assert {key for key in identity
                if changed[key] != identity[key]} == {part}


def test_the_identity_of_a_half_precision_teacher():
    assert teacher_identity(
        network().bfloat16())['precision'] == 'bfloat16'


def test_the_conversion_of_the_images():
    preprocessor = network().data_preprocessor
    plain = images_identity(network(), preprocessor, (3, 8, 8))
    assert plain['conversion'] == [] and plain['shape'] == [3, 8, 8]
    teacher = network()
    teacher.data_preprocessor.mean += 1
    convert_images_for_teacher(teacher, preprocessor)
    converted = images_identity(teacher, preprocessor, (3, 8, 8))
    assert converted['preprocessing'] == plain['preprocessing']
    conversion, = converted['conversion']
    assert 'shift=[-1.0, -1.0, -1.0]' in conversion


def test_a_data_preprocessor_of_the_users():

    class Scaled(BaseDataPreprocessor):

        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def forward(self, data, training=False):
            return data

    one, same, other = (
        images_identity(network(), Scaled(scale), (3, 8, 8))
        for scale in (1, 1, 2))
    assert one == same
    assert 'scale=2' in other['preprocessing']


class Add:
    """A transform."""

    def __init__(self, value):
        self.value = value

    def __call__(self, data):
        return data


def identity_function(data):
    return data


class Silent(Add):
    """A transform whose text leaves out its setting."""

    def __repr__(self):
        return 'Silent()'


class Paths(BaseDataset):

    def load_data_list(self):
        return [dict(img_path=f'/data/{i}.png') for i in range(4)]


def test_pipelines():

    def texts(*transforms):
        return dataset_identity(Paths(pipeline=list(transforms)))['pipelines']

    assert texts(Add(1)) == texts(Add(1)) == [['Add(value=1)']]
    assert texts(Add(2)) != texts(Add(1))
    nested = Add([Add(1), dict(inner=Add(2))])
    assert texts(nested) == [
        ['Add(value=[Add(value=1), dict(inner=Add(value=2))])']
    ]
    assert texts(Silent(1)) != texts(Silent(2))
    assert texts(identity_function) == [[f'{__name__}.identity_function']]
    assert texts() == [[]]
    owner = Add(1)
    owner.policies = [owner, Add(owner)]
    assert texts(owner) == [['Add(value=1, policies=[Add, Add(value=Add)])']]
    assert texts(Add({'b', 'a'})) == [["Add(value={'a', 'b'})"]]


@pytest.mark.parametrize('settings', [
    lambda x: np.append(np.zeros(2000), [x] + 1000 * [0]),
    lambda x: torch.cat([torch.zeros(2000), torch.eye(60)[x]]),
    lambda x: partial(identity_function, x),
    lambda x: partial(identity_function, data=x),
])
def test_settings_whose_text_is_abbreviated(settings):
    one, same, other = (
        dataset_identity(Paths(pipeline=[Add(settings(x))]))['pipelines']
        for x in (1, 1, 2))
    assert one == same != other


def test_which_samples_have_which_pipeline():
    """The samples and the pipelines are the same, but at other places."""
    one, other = Paths(pipeline=[Add(1)]), Paths(pipeline=[Add(2)])
    first, second = (
        dataset_identity(
            torch.utils.data.ConcatDataset([
                Subset(one, range(split)),
                Subset(other, range(split, len(other)))
            ])) for split in (1, 2))
    assert first.pop('pipeline_of') != second.pop('pipeline_of')
    assert first == second


class Mosaic:
    """A wrapper with a pipeline, as MMDetection has one."""

    def __init__(self, dataset, pipeline):
        self.dataset, self.pipeline = dataset, Compose(pipeline)

    def __len__(self):
        return len(self.dataset)

    def get_data_info(self, idx):
        return self.dataset.get_data_info(idx)


def test_the_pipeline_of_a_wrapper():
    dataset = Mosaic(Paths(pipeline=[Add(1)]), [Add(2)])
    assert dataset_identity(dataset)['pipelines'] == [['Add(value=2)'],
                                                      ['Add(value=1)']]


def test_wrapped_data_sets():
    one, other = Paths(pipeline=[Add(1)]), Paths(pipeline=[Add(2)])
    both = dataset_identity(ConcatDataset([one, other]))
    assert both['pipelines'] == [['Add(value=1)'], ['Add(value=2)']]
    twice = dataset_identity(RepeatDataset(one, 2))
    assert twice['pipelines'] == [['Add(value=1)']]
    assert len({both['samples'], dataset_identity(one)['samples']}) == 2
    assert twice['samples'] == both['samples']
    assert 'pipeline_of' not in twice
    selected = Subset(RepeatDataset(one, 2), [1, 0, 4])
    assert dataset_identity(selected)['pipelines'] == twice['pipelines']
    subset = Paths(pipeline=[])
    subset.get_subset_([1, 0, 2, 3])
    assert dataset_identity(subset)['samples'] != dataset_identity(
        one)['samples']
    lazy = Paths(pipeline=[], serialize_data=False, lazy_init=True)
    assert dataset_identity(lazy)['samples'] == dataset_identity(
        one)['samples']
