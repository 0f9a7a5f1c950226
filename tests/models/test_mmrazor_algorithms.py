import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmrazor.registry import MODELS

import mmcckd  # noqa: F401
from mmcckd.models.algorithms.mmrazor_algorithms import match_images

ROOT = Path(__file__).parent.parent.parent
OWN = dict(type='mmpretrain.ClsDataPreprocessor', mean=[0], std=[255])


def build(kind, own=None, train_cfg=None):
    """An algorithm of MMRazor's on the digits networks."""
    cfg = Config.fromfile(ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py')
    model = copy.deepcopy(cfg.model)
    model.update(type=kind, data_preprocessor=cfg.data_preprocessor)
    model.architecture.train_cfg = train_cfg
    model.teacher.data_preprocessor = own
    for name in ('teacher_ckpt', 'student_loss_weight'):
        model.pop(name)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(model)


def test_a_teacher_of_other_images_gets_these(log):
    algorithm = build('SingleTeacherDistill', OWN)
    algorithm.eval()  # MMRazor's returns None
    alone = copy.deepcopy(algorithm.teacher)
    match_images(algorithm)
    match_images(algorithm)  # once is enough
    assert 'converted for the teacher' in log.text
    batch = dict(inputs=torch.rand(4, 1, 8, 8) * 255)
    torch.testing.assert_close(
        algorithm.teacher(**algorithm.data_preprocessor(batch)),
        alone(**alone.data_preprocessor(batch)), rtol=1e-4, atol=1e-4)


def test_an_algorithm_that_calls_parts_of_its_teacher():
    match_images(build('FpnTeacherDistill'))
    with pytest.raises(ValueError, match='FpnTeacherDistill cannot convert'):
        match_images(build('FpnTeacherDistill', OWN))


def test_augments_without_effect(log):
    augments = dict(augments=[dict(type='Mixup', alpha=0.2)])
    match_images(build('SingleTeacherDistill', train_cfg=augments))
    assert 'WARNING' in log.text and (
        "The student's train_cfg.augments (Mixup) have no effect: "
        'SingleTeacherDistill only') in log.text


@pytest.mark.parametrize('kind', [
    'SingleTeacherDistill', 'FrozenTeacherDistill'
])
def test_a_teacher_with_stochastic_depth(kind, log):
    """A transformer's, which MMRazor leaves in training mode."""
    cfg = Config.fromfile(ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py')
    cfg.model.pop('teacher_ckpt')
    if kind == 'SingleTeacherDistill':
        cfg.model.pop('student_loss_weight')
    cfg.model.type = kind
    cfg.model.teacher.backbone = dict(
        type='VisionTransformer',
        arch=dict(
            embed_dims=128,
            num_layers=2,
            num_heads=2,
            feedforward_channels=8),
        in_channels=1,
        img_size=8,
        patch_size=4,
        drop_path_rate=0.5)
    cfg.model.teacher.neck = None
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        algorithm = MODELS.build(cfg.model)
    algorithm.train()
    match_images(algorithm)
    images = torch.rand(8, 1, 8, 8)
    with torch.no_grad():
        one, other = algorithm.teacher(images), algorithm.teacher(images)
    random = kind == 'SingleTeacherDistill'
    assert torch.equal(one, other) != random
    assert ('The outputs of the teacher are random: SingleTeacherDistill '
            'keeps DropPath up to 0.5 active' in log.text) == random


@pytest.mark.parametrize('kind', [
    'SingleTeacherDistill', 'FrozenTeacherDistill'
])
def test_nothing_to_say(kind, log, caplog):
    algorithm = build(kind)
    caplog.clear()  # what was said of building it
    match_images(algorithm)
    match_images(algorithm.architecture)  # a plain classifier
    assert not log.text
    assert not algorithm.teacher._forward_pre_hooks
