"""The size of a student's images comes from the pipeline of its test."""
import pytest
from mmengine.config import Config
from torch import nn

from mmcckd.export import Student
from mmcckd.export.images import image_shape, normalization


def student(dataset, channels=3, data_preprocessor=None):
    config = Config(
        dict(
            test_dataloader=dict(dataset=dataset),
            data_preprocessor=data_preprocessor))
    return Student(
        nn.Conv2d(channels, 4, 3), config, meta={}, source='', averaged=False)


def pipeline(*transforms):
    """Of a data set that is not on this machine."""
    return dict(
        type='ImageNet',
        data_root='/nowhere',
        pipeline=[
            dict(type='LoadImageFromFile'), *transforms,
            dict(type='PackInputs')
        ])


SHORT_EDGE = dict(type='ResizeEdge', scale=36, edge='short')


@pytest.mark.parametrize('dataset, channels, shape', [
    (pipeline(SHORT_EDGE, dict(type='CenterCrop', crop_size=32)), 3,
     (3, 32, 32)),
    (pipeline(dict(type='Resize', scale=(48, 40))), 3, (3, 40, 48)),
    (dict(
        type='ConcatDataset',
        datasets=[pipeline(dict(type='Resize', scale=(48, 40)))]), 3,
     (3, 40, 48)),
    (dict(type='Digits', split='test', pipeline=[dict(type='PackInputs')]), 1,
     (1, 8, 8)),
], ids=['crop', 'resize', 'wrapped', 'as it is'])
def test_shape(dataset, channels, shape):
    assert image_shape(student(dataset, channels)) == shape


def test_shape_unknown():
    with pytest.raises(ValueError, match='The size of the images is not kno'):
        image_shape(student(pipeline(SHORT_EDGE)))


@pytest.mark.parametrize('settings, text', [
    (dict(type='ClsDataPreprocessor', num_classes=3, mean=[1, 2, 3],
          std=[4, 5, 6], to_rgb=True),
     'to_rgb=True, mean=[1, 2, 3], std=[4, 5, 6]'),
    (dict(mean=[0], std=[16]), 'mean=[0], std=[16]'),
    (None, 'by nothing'),
])
def test_normalization(settings, text):
    assert normalization(student(None, 3, settings)) == text
