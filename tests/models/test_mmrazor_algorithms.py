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
def test_nothing_to_say(kind, log, caplog):
    algorithm = build(kind)
    caplog.clear()  # what was said of building it
    match_images(algorithm)
    match_images(algorithm.architecture)  # a plain classifier
    assert not log.text
    assert not algorithm.teacher._forward_pre_hooks
