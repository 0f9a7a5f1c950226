"""Shape and normalization of the images that a student takes."""
from typing import List, Tuple

import numpy as np
from mmengine.dataset import Compose
from mmengine.registry import DATASETS, DefaultScope
from mmpretrain.datasets import remove_transform
from mmpretrain.registry import TRANSFORMS
from torch import nn

from mmcckd.datasets.wrappers import base_configs

from .student import Student


def image_shape(student: Student) -> Tuple[int, int, int]:
    """Get the shape, (c, h, w), of the images after the test pipeline.

    Raises:
        ValueError: If the pipeline keeps the size of the images, and the test
            set, which is needed then, cannot be read.
    """
    channels = next((module.in_channels for module in student.model.modules()
                     if isinstance(module, nn.Conv2d)), 3)
    dataset = student.config.test_dataloader.dataset
    try:
        pipeline = base_configs(dataset)[0].pipeline
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            shapes = {
                _piped(pipeline, (*size, channels))
                for size in ((1000, 1300), (900, 800))
            }
            if len(shapes) > 1:  # the pipeline keeps their size
                if not student.trusted:
                    _check_reads_only(dataset)
                sample = DATASETS.build(dataset)[0]
                shapes = {tuple(sample['inputs'].shape)}
    except Exception as error:  # a missing dataset can raise any error
        raise ValueError(
            'The size of the images is not known: the test pipeline does not '
            'set it, and the test set cannot be read: '
            f'{type(error).__name__}: {error} Put the data there, or give a '
            'config, by --config, whose test pipeline ends with a CenterCrop.'
        ) from error
    return shapes.pop()


def _check_reads_only(dataset: dict) -> None:
    """Raise an error for a data set which might download something."""
    for part in base_configs(dataset):
        module = getattr(DATASETS.get(part.type), '__module__', '')
        if not module.startswith('mmcckd.'):
            raise ValueError(
                f'{part.type} may download data, which a config in a '
                'checkpoint must not cause.')


def _piped(transforms: List[dict], shape: Tuple[int, int, int]) -> tuple:
    """The shape of the pipeline's output for an image, (h, w, c)."""
    pipeline = Compose([
        TRANSFORMS.build(transform)
        for transform in remove_transform(transforms, 'LoadImageFromFile')
    ])
    image = np.zeros(shape, np.uint8)
    sample = dict(img=image, img_shape=shape[:2], ori_shape=shape[:2])
    return tuple(pipeline(sample)['inputs'].shape)


def normalization(student: Student) -> str:
    """Describe the normalization by the data preprocessor's arguments."""
    settings = student.config.get('data_preprocessor') or {}
    return ', '.join(
        f'{name}={settings[name]}'
        for name in ('to_rgb', 'mean', 'std')
        if name in settings) or 'by nothing'
