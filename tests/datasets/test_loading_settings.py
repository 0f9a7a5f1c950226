"""What the recipes and the docs set for loaders does not change images."""
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

from mmcckd.engine.config_arguments import read_config

CONFIGS = Path(__file__).parents[2] / 'configs/cckd'
RECIPES = ['r50_r18_in1k', 'r50_mbv2_in1k', 'r50_mbv2_msmt17']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    rng = np.random.default_rng(0)
    for i in range(6):
        path = folder / f'class{i % 2}' / f'{i}.jpg'
        path.parent.mkdir(exist_ok=True)
        image = rng.integers(0, 256, (15, 20, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(image, (500, 375)))
    return folder


def epoch(recipe, folder, **settings):
    """The normalized images and labels of an epoch, in their order."""
    cfg = read_config(str(CONFIGS / f'{recipe}.py'))
    loader = cfg.train_dataloader
    assert loader.collate_fn.type == 'default_collate'
    loader.pop('batch_sampler', None)
    pipeline = loader.pop('dataset').pipeline  # update() would merge it
    loader.update(
        batch_size=3,
        num_workers=1,
        sampler=dict(type='DefaultSampler', shuffle=True, seed=0),
        dataset=dict(
            type='CustomDataset',
            data_root=str(folder),
            pipeline=pipeline),
        **settings)
    preprocess = MODELS.build(cfg.data_preprocessor)
    batches = [
        preprocess(batch, training=True)
        for batch in Runner.build_dataloader(loader, seed=0)
    ]
    return (torch.cat([batch['inputs'] for batch in batches]),
            [int(sample.gt_label) for batch in batches
             for sample in batch['data_samples']])


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true")
@pytest.mark.parametrize('recipe', RECIPES)
def test_the_images_are_equal(recipe, folder):
    init_default_scope('mmpretrain')
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(0)  # workers are forks of this process
        images, labels = epoch(recipe, folder)
        cv2.setNumThreads(4)
        others, other_labels = epoch(
            recipe,
            folder,
            collate_fn=dict(type='pseudo_collate'),
            persistent_workers=True,
            pin_memory=True,
            prefetch_factor=4)
    finally:
        cv2.setNumThreads(threads)
    assert len(images) == 6
    assert torch.equal(others, images) and other_labels == labels
