"""The data sets as their configs give them to a model."""
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS
from mmpretrain.registry import MODELS

CONFIGS = Path(__file__).parents[2] / 'configs/_base_/datasets'
NAMES = ['msmt17', 'market1501']


@pytest.fixture
def load(request):

    def load(name, split):
        cfg = Config.fromfile(CONFIGS / f'{name}_bs64.py')
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.data_root = request.getfixturevalue(f'toy_{name}')
        return DATASETS.build(dataset), MODELS.build(cfg.data_preprocessor)

    return load


@pytest.mark.parametrize('name', NAMES)
def test_training(name, load):
    dataset, preprocess = load(name, 'train')
    assert dataset.split == 'train' and len(dataset) > 60
    batch = preprocess(pseudo_collate([dataset[0], dataset[9]]), training=True)
    assert batch['inputs'].shape == (2, 3, 256, 128)
    labels = [sample.gt_label.item() for sample in batch['data_samples']]
    assert labels == dataset.get_gt_labels()[[0, 9]].tolist()


@pytest.mark.parametrize('name', NAMES)
def test_a_metric_sees_camera_and_query(name, load):
    dataset, preprocess = load(name, 'test')
    batch = preprocess(pseudo_collate([dataset[0], dataset[len(dataset) - 1]]))
    assert batch['inputs'].shape == (2, 3, 256, 128)
    for sample, i, is_query in zip(batch['data_samples'], (0, -1),
                                   (True, False)):
        info = dataset.get_data_info(i)
        kept = sample.to_dict()
        assert kept['is_query'] is info['is_query'] is is_query
        assert kept['camera_id'] == info['camera_id']
        assert kept['gt_label'].item() == info['gt_label']


def test_pad_crop_and_erase(load, tmp_path):
    """Of a picture of one color are left: it, black, and the mean."""
    dataset, preprocess = load('msmt17', 'train')
    path = str(tmp_path / 'orange.png')
    cv2.imwrite(path, np.full((80, 40, 3), (0, 100, 250), np.uint8))  # BGR
    np.random.seed(0)
    data = [dataset.pipeline(dict(img_path=path)) for _ in range(60)]
    images = preprocess(dict(inputs=[d['inputs'] for d in data]),
                        training=True)['inputs']
    rgb = torch.tensor([[250., 100, 0], [0, 0, 0], [123.675, 116.28, 103.53]])
    colors = (rgb - rgb[2]) / torch.tensor([58.395, 57.12, 57.375])
    distance = (images[:, None] - colors[None, :, :, None, None]).norm(dim=2)
    nearest, which = distance.min(1)  # (60, 256, 128)
    assert nearest.max() < 0.02  # the mean is rounded to integers
    shares = torch.stack([(which == i).float().mean((1, 2)) for i in range(3)])
    erased = shares[2] > 0
    assert 20 <= erased.sum() <= 40
    assert shares[2][erased].min() > 0.015 and shares[2].max() < 0.41
    # Up to 10 of 256 rows and of 128 columns are black.
    assert 0.04 < shares[1].max() < 1 - 246 * 118 / (256 * 128) + 1e-6
