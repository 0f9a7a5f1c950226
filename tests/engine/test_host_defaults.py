from argparse import Namespace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmcckd.engine.config_arguments import read_config
from mmcckd.engine.host_defaults import (
    fill_in_loaders,
    fill_in_preprocessor,
)

ROOT = Path(__file__).parent.parent.parent
CCKD = str(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
NO_FLAGS = Namespace(no_pin_memory=False, no_persistent_workers=False)
FLAGS = Namespace(no_pin_memory=True, no_persistent_workers=True)


@pytest.fixture
def cfg():
    cfg = read_config(CCKD, {
        'train_dataloader.num_workers': 2,
        'data_preprocessor': dict(_delete_=True, mean=[78], std=[96])})
    cfg.val_dataloader.update(collate_fn=dict(type='pseudo_collate'))
    return cfg


@pytest.mark.parametrize('has_gpu', [True, False])
def test_what_is_filled_in(cfg, has_gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: has_gpu)
    fill_in_loaders(cfg, NO_FLAGS)
    assert cfg.train_dataloader.pin_memory is has_gpu
    assert cfg.train_dataloader.persistent_workers is True
    assert cfg.train_dataloader.collate_fn == dict(type='default_collate')
    # It has no workers, and says how it collates.
    assert cfg.val_dataloader.persistent_workers is False
    assert cfg.val_dataloader.collate_fn == dict(type='pseudo_collate')


def test_the_type_of_the_data_preprocessor(cfg):
    cfg.model.data_preprocessor = dict(mean=[79])
    fill_in_preprocessor(cfg)
    kind = 'mmpretrain.ClsDataPreprocessor'
    assert cfg.data_preprocessor == dict(type=kind, mean=[78], std=[96])
    assert cfg.model.data_preprocessor == dict(type=kind, mean=[79])
    cfg.data_preprocessor.type = 'Mine'
    fill_in_preprocessor(cfg)
    assert cfg.data_preprocessor.type == 'Mine'


def test_flags_prevail(cfg):
    cfg.train_dataloader.update(pin_memory=True, persistent_workers=True)
    fill_in_loaders(cfg, FLAGS)
    assert cfg.train_dataloader.pin_memory is False
    assert cfg.train_dataloader.persistent_workers is False


def test_what_the_config_says_is_left(cfg):
    cfg.train_dataloader.update(pin_memory=False, persistent_workers=False)
    fill_in_loaders(cfg, NO_FLAGS)
    assert cfg.train_dataloader.pin_memory is False
    assert cfg.train_dataloader.persistent_workers is False


def test_a_classifier_fills_in_its_own_type():
    cfg = Config(dict(
        default_scope='mmpretrain', model=dict(type='ImageClassifier'),
        data_preprocessor=dict(mean=[78])))
    fill_in_preprocessor(cfg)
    assert cfg.data_preprocessor == dict(mean=[78])


def test_other_packages_are_not_changed(cfg):
    cfg.default_scope = 'mmdet'
    cfg.train_dataloader.pop('num_workers')
    before = cfg.to_dict()
    fill_in_loaders(cfg, NO_FLAGS)
    fill_in_preprocessor(cfg)
    for name in ('train', 'val', 'test'):  # as torch has it by default
        assert cfg[f'{name}_dataloader'].pop('persistent_workers') is False
    assert cfg.to_dict() == before
