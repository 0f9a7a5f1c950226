"""Configs that name mmcls load and build with MMPretrain."""
import math
from functools import lru_cache
from pathlib import Path
from unittest import mock

import mmpretrain
import mmrazor
import pytest
import torch
from mmengine.config import Config, config, utils
from mmengine.hub import get_config, get_model
from mmengine.registry import (
    DATASETS,
    METRICS,
    MODELS,
    DefaultScope,
    Registry,
    init_default_scope,
)
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from mmrazor.models import DeiTClsHead

import mmcckd  # noqa: F401
from mmcckd.compat.mmcls_configs import accept_mmcls_in_configs
from mmcckd.compat.mmcls_datasets import choose_split_by_test_mode
from mmcckd.compat.mmcls_deit_head import accept_two_tokens_in_deit_head

MMRAZOR = Path(mmrazor.__file__).parent / '.mim' / 'configs'
MMPRETRAIN = Path(mmpretrain.__file__).parent / '.mim' / 'configs'
RECIPES = sorted(
    str(path.relative_to(MMRAZOR))
    for path in MMRAZOR.glob('distill/mmcls/*/*.py'))


@pytest.fixture(scope='module', autouse=True)
def metafiles_are_read_once():
    """MMEngine reads a hundred YAML files for every ``package::path``."""
    with mock.patch.object(utils, 'load', lru_cache(None)(utils.load)):
        yield


def test_all_recipes_are_here():
    assert len(RECIPES) == 19


def without_weights(model):
    """The recipe's model, with nothing to be read from files or the net."""
    model.pop('init_cfg', None)
    if 'teacher_ckpt' in model:
        model.teacher_ckpt = None
    networks = [model[key] for key in ('architecture', 'teacher')
                if key in model]
    for teacher in model.get('teachers', {}).values():
        teacher.pop('ckpt_path')
        networks.append(teacher.build_cfg)
    for network in networks:
        if 'cfg_path' in network:
            network.pretrained = False
        elif network.backbone.type == 'TIMMBackbone':  # timm asks the net
            network.backbone = dict(type='RegNet', arch='regnetx_400mf')
            network.head.in_channels = 384
            network.head.pop('init_cfg')
    return model


@pytest.mark.parametrize('recipe', RECIPES)
def test_recipes_load_and_build(recipe, tmp_path):
    cfg = get_config(f'mmrazor::{recipe}')
    (tmp_path / 'own.py').write_text(f"_base_ = 'mmrazor::{recipe}'\n")
    own = Config.fromfile(tmp_path / 'own.py')
    assert set(own) == set(cfg)
    assert own.model == cfg.model
    assert cfg.default_scope == 'mmpretrain'
    init_default_scope(cfg.default_scope)

    if 'loss_crd' in cfg.model.distiller.distill_losses:
        cfg.model.distiller.distill_losses.loss_crd.sample_n = 64  # seconds
    model = MODELS.build(without_weights(cfg.model))
    classifiers = [model.architecture]
    if 'teacher' in cfg.model:
        classifiers.append(model.teacher)
    classifiers += getattr(model, 'teachers', {}).values()
    assert len(classifiers) == 2 or cfg.model.type == 'SelfDistill'
    for classifier in classifiers:
        assert type(classifier) is mmpretrain.models.ImageClassifier
        assert type(classifier.data_preprocessor
                    ) is mmpretrain.models.ClsDataPreprocessor


@pytest.mark.parametrize('recipe', ['byot/byot_resnet18_8xb16_cifar100',
                                    'crd/crd_neck_r50_r18_8xb16_cifar10'])
def test_datasets_that_still_have_test_mode_only(recipe):
    cfg = get_config(f'mmrazor::distill/mmcls/{recipe}.py')
    init_default_scope(cfg.default_scope)
    for loader, split in (('train', 'train'), ('val', 'test')):
        cfg_of_dataset = cfg[f'{loader}_dataloader'].dataset
        cfg_of_dataset.lazy_init = True
        if 'dataset' in cfg_of_dataset:  # CRDDataset
            cfg_of_dataset.dataset.lazy_init = True
        dataset = DATASETS.build(cfg_of_dataset)
        assert getattr(dataset, 'dataset', dataset).split == split


@pytest.mark.parametrize('arguments, split', [
    (dict(data_prefix='x', test_mode=True), 'test'),
    (dict(data_prefix='x', test_mode=False), 'train'),
    (dict(data_prefix='x', test_mode=True, split='train'), 'train'),
    (dict(data_root='x', test_mode=True), 'train'),  # MMPretrain's own way
    (dict(data_root='x', split='test', test_mode=True), 'test'),
])
@pytest.mark.parametrize('name', ['CIFAR10', 'CIFAR100', 'MNIST',
                                  'FashionMNIST'])
def test_splits(name, arguments, split):
    build = getattr(mmpretrain.datasets, name)
    assert build(lazy_init=True, **arguments).split == split


def test_the_workaround_is_still_needed_for_the_splits():
    """If this fails, compat/mmcls_datasets.py can be deleted."""
    dataset = object.__new__(mmpretrain.datasets.CIFAR10)
    mmpretrain.datasets.CIFAR10.__init__.__wrapped__(
        dataset, data_prefix='x', test_mode=True, lazy_init=True)
    assert dataset.split == 'train'


def test_a_dict_that_never_was_a_file():
    neck = mmpretrain.models.GlobalAveragePooling
    for cfg in (dict(type='mmcls.GlobalAveragePooling'),
                dict(type='GlobalAveragePooling', _scope_='mmcls'),
                dict(type='mmcls.models.GlobalAveragePooling')):
        for registry in (MODELS, mmrazor.registry.MODELS,
                         mmpretrain.registry.MODELS):
            assert type(registry.build(cfg)) is neck
    with pytest.raises(KeyError, match='Nonsense is not in the mmpretrain'):
        MODELS.build(dict(type='Nonsense', _scope_='mmcls'))


def test_scopes_of_others_are_left_alone():
    assert Registry.split_scope_key('mmdet.X.Y') == ('mmdet', 'X.Y')
    assert Registry.split_scope_key('mmcls') == (None, 'mmcls')
    assert DefaultScope('a', 'mmdet').scope_name == 'mmdet'
    with DefaultScope.overwrite_default_scope('mmcls'):
        assert DefaultScope.get_current_instance(
        ).scope_name == 'mmpretrain'


def test_models_of_the_hub():
    old = get_model('mmcls::resnet/resnet18_8xb16_cifar10.py')
    new = get_model('mmpretrain::resnet/resnet18_8xb16_cifar10.py')
    assert str(old) == str(new)


@pytest.mark.parametrize('old, new', [
    ('deit/deit-base_pt-16xb64_in1k', 'deit/deit-base_16xb64_in1k'),
    ('vision_transformer/vit-base-p16_ft-64xb64_in1k-384',
     'vision_transformer/vit-base-p16_64xb64_in1k-384px'),
    ('vision_transformer/vit-base-p16_pt-32xb128-mae_in1k-224',
     'vision_transformer/vit-base-p16_32xb128-mae_in1k'),
    ('swin_transformer/swin-large_8xb8_cub_384px',
     'swin_transformer/swin-large_8xb8_cub-384px'),
    ('swin_transformer/swin-base_16xb64_in1k-384px', ) * 2,
    ('resnet/resnet18_8xb32_in1k', ) * 2,
])
def test_renamed_files(old, new, tmp_path):
    expected = Config.fromfile(MMPRETRAIN / f'{new}.py')
    assert get_config(f'mmcls::{old}.py').to_dict() == expected.to_dict()
    (tmp_path / 'own.py').write_text(f"_base_ = 'mmcls::{old}.py'\n")
    own = Config.fromfile(tmp_path / 'own.py')
    assert own.model.type == expected.model.type


def test_files_of_the_same_name_are_kept():
    for path in MMPRETRAIN.rglob('*.py'):
        name = path.relative_to(MMPRETRAIN).as_posix()
        assert config._get_package_and_cfg_path(f'mmcls::{name}') == (
            'mmpretrain', name)


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError, match='mmpretrain.*nothing.py'):
        get_config('mmcls::resnet/nothing.py')


OLD_CONFIG = """
_base_ = ['mmcls::_base_/models/resnet18_cifar.py',
          'mmcls::_base_/default_runtime.py']
default_scope = 'mmcls'
data_preprocessor = dict(mean=[125.], std=[50.])
model = dict(
    backbone=dict(in_channels=1, base_channels=4),
    head=dict(in_channels=32, topk=(1, )))
pipeline = [
    dict(type='mmcls.RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackClsInputs'),
]
train_dataloader = dict(
    batch_size=8, num_workers=0, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True, _scope_='mmcls'),
    dataset=dict(type='Digits', samples_per_class=2, pipeline=pipeline))
val_dataloader = dict(
    batch_size=8, num_workers=0, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='Digits', split='val', samples_per_class=2,
                 pipeline=pipeline))
val_evaluator = dict(type='mmcls.Accuracy', topk=(1, ))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(by_epoch=True, max_epochs=1)
val_cfg = dict()
visualizer = dict(_delete_=True, type='ClsVisualizer')
"""


def test_an_old_config_of_a_user_trains(tmp_path):
    (tmp_path / 'own.py').write_text(OLD_CONFIG)
    cfg = Config.fromfile(tmp_path / 'own.py')
    assert cfg.default_scope == 'mmcls'  # as it was written
    cfg.merge_from_dict(
        dict(work_dir=str(tmp_path), experiment_name=tmp_path.name,
             log_level='WARNING'))
    runner = Runner.from_cfg(cfg)
    seen, call_hook = {}, runner.call_hook

    def listen(name, **kwargs):
        seen.update(kwargs.get('metrics') or {})
        return call_hook(name, **kwargs)

    runner.call_hook = listen
    runner.train()
    assert math.isfinite(seen['accuracy/top1'])
    assert type(runner.model) is mmpretrain.models.ImageClassifier
    assert type(runner.visualizer
                ) is mmpretrain.visualization.UniversalVisualizer
    assert type(METRICS.build(dict(type='Accuracy', _scope_='mmcls'))
                ) is mmpretrain.evaluation.Accuracy


def test_deit_head_takes_the_tokens_of_both():
    head = DeiTClsHead(num_classes=5, in_channels=8)
    distilled = []
    head.layers.head_dist.register_forward_hook(
        lambda module, inputs, output: distilled.append(output))
    torch.nn.init.normal_(head.layers.head.weight)
    patches, token, distillation = torch.randn(3, 2, 8)
    two = head(((token, distillation), ))
    three = head(([patches, token, distillation], ))
    assert torch.equal(two, three) and two.abs().sum() > 0
    assert torch.equal(*distilled)
    # Without this defect, compat/mmcls_deit_head.py can be deleted.
    with pytest.raises(ValueError, match='not enough values to unpack'):
        DeiTClsHead.pre_logits.__wrapped__(head, ((token, distillation), ))


def test_deit_backbone_and_head_fit():
    student = MODELS.build(
        dict(
            _scope_='mmcls',
            type='ImageClassifier',
            backbone=dict(
                type='DistilledVisionTransformer',
                arch='deit-tiny',
                img_size=32),
            head=dict(
                type='mmrazor.DeiTClsHead', num_classes=5, in_channels=192)))
    samples = [DataSample().set_gt_label(i) for i in (0, 3)]
    losses = student(torch.randn(2, 3, 32, 32), samples, mode='loss')
    losses['loss'].backward()
    assert student.backbone.cls_token.grad.abs().sum() > 0


def test_twice_is_once():
    def state():
        return (DefaultScope.__init__, Registry.split_scope_key,
                mmpretrain.datasets.CIFAR10.__init__, DeiTClsHead.pre_logits)

    before = state()
    accept_mmcls_in_configs()
    choose_split_by_test_mode()
    accept_two_tokens_in_deit_head()
    assert state() == before
