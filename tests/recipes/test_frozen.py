import copy
from pathlib import Path

import pytest
from mmengine.config import Config
from mmrazor.models import DAFLDataFreeDistillation, SingleTeacherDistill
from mmrazor.registry import MODELS

from mmcckd.engine.config_arguments import read_config
from mmcckd.models import FrozenTeacherDistill
from mmcckd.recipes import frozen_teacher, mix_cc

ROOT = Path(__file__).parent.parent.parent
MMRAZOR = 'mmrazor::distill/mmcls/'
DKD = MMRAZOR + 'dkd/dkd_resnet34_resnet18_8xb32_in1k.py'
CRD = MMRAZOR + 'crd/crd_neck_r50_r18_8xb16_cifar10.py'


@pytest.fixture(scope='module')
def dkd():
    return read_config(DKD)


def test_only_the_algorithm_and_its_val_loop_change(dkd):
    given = copy.deepcopy(dkd.to_dict())
    frozen = frozen_teacher(dkd)
    assert dkd.to_dict() == given
    assert frozen.custom_imports.imports == ['mmcckd']
    assert frozen.model.pop('type') == 'FrozenTeacherDistill'
    assert frozen.val_cfg == dict(type='FrozenTeacherDistillValLoop')
    expected = copy.deepcopy(dkd)
    expected.model.pop('type')
    for name in set(dkd) - {'val_cfg'}:
        assert frozen[name] == expected[name]


@pytest.mark.parametrize('recipe', [DKD, CRD])  # CRD records the whole student
@pytest.mark.parametrize('mixes', [False, True])
def test_builds(recipe, mixes):
    cfg = read_config(recipe)
    cfg.model.teacher_ckpt = None
    cfg.model.teacher.pretrained = False
    frozen = frozen_teacher(mix_cc(cfg) if mixes else cfg)
    algorithm = MODELS.build(frozen.model)
    assert type(algorithm) is FrozenTeacherDistill
    assert ('loss_cc' in algorithm.distiller.distill_losses) == mixes


def test_a_scope_is_kept(dkd):
    cfg = copy.deepcopy(dkd)
    cfg.model.type = 'mmrazor.SingleTeacherDistill'
    assert frozen_teacher(cfg).model.type == 'mmrazor.FrozenTeacherDistill'


@pytest.mark.parametrize(
    'kind', [SingleTeacherDistill, 'mmrazor.models.SingleTeacherDistill'])
def test_a_class(kind, dkd):
    cfg = copy.deepcopy(dkd)
    cfg.model.type = kind
    assert frozen_teacher(cfg).model.type == 'mmrazor.FrozenTeacherDistill'


def test_a_frozen_teacher_given_as_a_class_stays(dkd):
    cfg = copy.deepcopy(dkd)
    cfg.model.type = FrozenTeacherDistill
    assert frozen_teacher(cfg).model.type is FrozenTeacherDistill


def test_a_frozen_teacher_stays():
    cfg = Config.fromfile(ROOT / 'configs/cckd/r50_mbv2_in1k.py')
    assert frozen_teacher(cfg).to_dict() == cfg.to_dict()


@pytest.mark.parametrize('changes, message', [
    (dict(type='OverhaulFeatureDistillation'),
     'the algorithm of this recipe is OverhaulFeatureDistillation'),
    (dict(teacher_trainable=True), 'this one has teacher_trainable=True'),
    (dict(teacher_norm_eval=False), 'this one has teacher_norm_eval=False'),
    (dict(teacher=None), 'needs a recipe with a teacher'),
    (dict(distiller=None), 'has no model.distiller'),
    (dict(type=DAFLDataFreeDistillation),
     'the algorithm of this recipe is DAFLDataFreeDistillation'),
    (dict(type=SingleTeacherDistill, distiller=None),
     'its model is SingleTeacherDistill'),
    (dict(type=SingleTeacherDistill, teacher=None),
     'SingleTeacherDistill has neither model.teacher nor'),
])
def test_refused(changes, message, dkd):
    cfg = copy.deepcopy(dkd)
    cfg.model.update(changes)
    with pytest.raises(ValueError, match=message):
        frozen_teacher(cfg)


def test_a_recorder_in_the_loss_of_the_teacher(dkd):
    cfg = copy.deepcopy(dkd)
    cfg.model.distiller.teacher_recorders.labels = dict(
        type='ModuleInputs', source='head.loss_module')
    with pytest.raises(
            ValueError,
            match="teacher_recorders.labels records 'head.loss_module', but a "
            'frozen teacher computes no loss.*use a recorder of the student'):
        frozen_teacher(cfg)
