from pathlib import Path

import pytest

from mmcckd.engine.config_arguments import read_config
from mmcckd.engine.tta import set_test_time_augmentation

ROOT = Path(__file__).parent.parent.parent
DIGITS = str(ROOT / 'configs/baseline/r10w6_digits.py')


def test_the_mirror_image_by_default():
    cfg = read_config(DIGITS)
    model = cfg.model.to_dict()
    set_test_time_augmentation(cfg)
    assert cfg.model == dict(
        type='mmpretrain.AverageClsScoreTTA', module=model)
    assert cfg.test_dataloader.dataset.pipeline == [
        dict(
            type='TestTimeAug',
            transforms=[[
                dict(type='RandomFlip', prob=1.0),
                dict(type='RandomFlip', prob=0.0)
            ], [dict(type='PackInputs')]])
    ]


def test_what_the_config_says():
    cfg = read_config(DIGITS)
    cfg.tta_model = dict(type='Mine', weight=2)
    cfg.tta_pipeline = [dict(type='MyAug')]
    set_test_time_augmentation(cfg)
    assert cfg.model.type == 'Mine' and cfg.model.weight == 2
    assert cfg.test_dataloader.dataset.pipeline == [dict(type='MyAug')]


def test_errors():
    cfg = read_config(str(ROOT / 'configs/baseline/r50_market1501.py'))
    with pytest.raises(ValueError, match='--tta averages the scores of class'):
        set_test_time_augmentation(cfg)
    digits = read_config(DIGITS)
    digits.test_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[digits.test_dataloader.dataset])
    with pytest.raises(ValueError, match='ConcatDataset in test_dataloader'):
        set_test_time_augmentation(digits)
    cfg.test_dataloader = None
    with pytest.raises(ValueError, match='needs a test_dataloader, but'):
        set_test_time_augmentation(cfg)
