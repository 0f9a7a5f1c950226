"""CC with networks of timm, without their weights."""
import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

from mmcckd.recipes import frozen_teacher, mix_cc

pytest.importorskip('timm')
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope='module')
def recipe():
    """KD of ResNet-18 by the logits of a teacher."""
    return Config.fromfile(ROOT / 'configs/baseline/kd_r34_r18_in1k.py')


def timm(name, **settings):
    return dict(
        type='TimmClassifier',
        _scope_='mmpretrain',  # for its loss
        model_name=name,
        num_classes=1000,
        **settings)


def backbone(name, neck=None, head=None, **settings):
    return dict(
        type='ImageClassifier',
        _scope_='mmpretrain',
        backbone=dict(
            type='TIMMBackbone', model_name=name, **settings),
        neck=neck,
        head=head)


SMALL_VIT = dict(img_size=64, depth=1)


@pytest.mark.parametrize('teacher, logits, recorder, connector', [
    (timm('vit_tiny_patch16_224', **SMALL_VIT), 'model.head',
     dict(type='ModuleInputs', source='model.head'), None),
    (timm('deit_tiny_distilled_patch16_224', **SMALL_VIT), 'model.head',
     dict(type='ModuleInputs', source='model.head_dist'), None),
    (timm('swin_tiny_patch4_window7_224', img_size=64, window_size=2,
          depths=(1, 1, 1, 1)), 'model.head.fc',
     dict(type='ModuleInputs', source='model.head.fc'), None),
    (timm('resnet18'), 'model.fc',
     dict(type='ModuleInputs', source='model.fc'), None),
    (backbone('resnet18', dict(type='GlobalAveragePooling'),
              dict(type='LinearClsHead', num_classes=1000, in_channels=512)),
     'head.fc', dict(type='ModuleOutputs', source='neck'), None),
    (backbone('vit_tiny_patch16_224', **SMALL_VIT), None,
     dict(type='ModuleOutputs', source='backbone'),
     dict(type='TokenConnector', pool='cls', num_extra_tokens=1)),
    (backbone('resnet18'), None,
     dict(type='ModuleOutputs', source='backbone'),
     dict(type='PoolConnector')),
], ids=['vit', 'distilled', 'swin', 'cnn', 'backbone', 'tokens', 'map'])
@pytest.mark.parametrize('freeze', [False, True])
def test_a_teacher_of_timm(teacher, logits, recorder, connector, freeze,
                           recipe):
    cfg = copy.deepcopy(recipe)
    cfg.model.type = 'mmrazor.SingleTeacherDistill'
    for name in ('student_loss_weight', 'channels_last'):
        cfg.model.pop(name, None)
    cfg.model.teacher = ConfigDict(teacher)
    cfg.model.teacher_ckpt = None
    distiller = cfg.model.distiller
    if logits:
        distiller.teacher_recorders.fc.source = logits
    else:  # a feature extractor
        if not freeze:
            pytest.skip('it has no loss')
        for name in ('teacher_recorders', 'student_recorders',
                     'distill_losses', 'loss_forward_mappings'):
            distiller[name] = {}
    cfg = mix_cc(cfg)
    if freeze:
        cfg = frozen_teacher(cfg)
    added = cfg.model.distiller.teacher_recorders.cc_feature
    assert added.source == recorder['source']
    assert added.type.endswith(recorder['type'])
    kernels = cfg.model.distiller.connectors.cc_kernel_t
    if connector is None:
        assert kernels.type.endswith('GaussianRBFKernelConnector')
    else:
        assert kernels[0].type.endswith(connector['type'])
        assert {**kernels[0], 'type': connector['type']} == connector

    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    model.train()
    loss = model(
        torch.randn(4, 3, 64, 64),
        [DataSample().set_gt_label(i // 2) for i in range(4)],
        mode='loss')['distill.loss_cc']
    assert 0 < loss < float('inf')
    loss.backward()
    assert model.student.backbone.conv1.weight.grad.abs().max() > 0


def test_the_loss_of_a_student_of_timm(recipe):
    """In the scope of MMRazor, it would be another one."""
    cfg = copy.deepcopy(recipe)
    cfg.model.architecture = dict(
        type='mmpretrain.TimmClassifier', model_name='resnet18')
    cfg.model.teacher_ckpt = None
    with pytest.raises(
            ValueError, match="has MMRazor's CrossEntropyLoss.* Set _scope_="
            "'mmpretrain' in architecture"):
        MODELS.build(cfg.model)
