"""All weights of a checkpoint fit, under any of their names."""
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.files.checkpoints import weights_of
from mmcckd.models.algorithms.student_checkpoint import fit_state_dict
from tests.processes import run_ranks

ROOT = Path(__file__).parent.parent.parent
CCKD = 'configs/cckd/r18w16_r10w6_digits.py'
KD = 'configs/baseline/kd_r18w16_r10w6_digits.py'
TEACHER = 'configs/baseline/r18w16_digits.py'
STUDENT = 'configs/baseline/r10w6_digits.py'


def build(config, seed=0, **model):
    cfg = Config.fromfile(ROOT / config)
    if 'teacher_ckpt' in cfg.model:
        cfg.model.teacher_ckpt = None
    if model.get('type') == 'SingleTeacherDistill':
        del cfg.model['student_loss_weight']
    cfg.merge_from_dict(dict(model=model))
    torch.manual_seed(seed)
    return MODELS.build(cfg.model)


def part(model, name):
    """A copy of a part's weights, by the names within it."""
    return {
        key[len(name) + 1:]: tensor.clone()
        for key, tensor in model.state_dict().items()
        if key.startswith(f'{name}.')
    }


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(tensor, other[key]) for key, tensor in one.items())


def load(model, checkpoint):
    """As a runner does."""
    fitting = fit_state_dict(
        model, weights_of(checkpoint, 'The checkpoint x.pth'), 'x.pth')
    model.load_state_dict(fitting, strict=True)
    return fitting


@pytest.fixture
def log(monkeypatch):
    """What is logged of the checkpoint."""
    lines = []

    def handle(record):
        if 'x.pth' in record.getMessage():
            lines.append(record.getMessage())

    monkeypatch.setattr(MMLogger.get_current_instance(), 'handle', handle)
    return lines


def test_what_fits_is_taken_as_it_is(log):
    source, model = build(CCKD), build(CCKD, seed=1)
    weights = source.state_dict()
    assert fit_state_dict(model, weights, 'x.pth') is weights
    assert same(model.state_dict(), weights)
    assert log == []


def without_counters(weights):
    return OrderedDict((name, tensor) for name, tensor in weights.items()
                       if not name.endswith('num_batches_tracked'))


@pytest.mark.parametrize('wrap', [
    lambda weights: weights,
    lambda weights: dict(state_dict=weights, meta=dict(epoch=3)),
    lambda weights: {f'module.{name}': tensor
                     for name, tensor in weights.items()},
], ids=['bare', 'exported', 'DataParallel'])
def test_a_student_alone_goes_into_the_student(wrap, log):
    alone, model = build(STUDENT), build(CCKD, seed=1)
    teacher = model.teacher.state_dict()
    teacher = {name: tensor.clone() for name, tensor in teacher.items()}
    projection = part(model, 'distiller')
    load(model, wrap(alone.state_dict()))
    assert same(model.student.state_dict(), alone.state_dict())
    assert same(model.teacher.state_dict(), teacher)
    assert projection and same(part(model, 'distiller'), projection)
    assert log == ['The student was loaded from x.pth. Parts that are not in '
                   'the checkpoint, or do not fit, are left unchanged: '
                   'distiller.']


@pytest.mark.parametrize('config', [STUDENT, CCKD])
def test_torch_once_did_not_count_batches(config):
    alone, model = build(STUDENT), build(config, seed=1)
    weights = without_counters(alone.state_dict())
    fit_state_dict(model, weights, 'x.pth')
    model = getattr(model, 'student', model)
    assert same(without_counters(model.state_dict()), weights)


@pytest.mark.parametrize('kind', [
    'FrozenTeacherDistill', 'SingleTeacherDistill'])
def test_a_classifier_takes_the_student_of_a_distillation(kind, log):
    source, model = build(CCKD, type=kind), build(STUDENT, seed=1)
    load(model, dict(state_dict=source.state_dict()))
    assert same(model.state_dict(), part(source, 'architecture'))
    assert log == ['The student was loaded from x.pth.']


def test_versions_of_modules_go_along():
    """Modules convert what old versions of them saved."""
    alone, model = build(STUDENT), build(CCKD)
    fitting = load(model, alone.state_dict())
    assert fitting._metadata['architecture.backbone.bn1'] == dict(version=2)
    assert load(alone, fitting)._metadata == alone.state_dict()._metadata


def test_the_other_parts_come_along_if_they_fit():
    source, model = build(CCKD), build(CCKD, seed=1)
    taught = build(CCKD, type='SingleTeacherDistill', seed=2)
    # Its teacher is in no checkpoint, and that of MMRazor's is left out.
    load(model, taught.state_dict())
    assert same(part(model, 'distiller'), part(taught, 'distiller'))
    assert same(part(model, 'architecture'), part(taught, 'architecture'))
    # MMRazor's stays as teacher_ckpt made it.
    teacher = part(taught, 'teacher')
    load(taught, source.state_dict())
    assert same(part(taught, 'distiller'), part(source, 'distiller'))
    assert same(part(taught, 'architecture'), part(source, 'architecture'))
    assert same(part(taught, 'teacher'), teacher)


def test_a_distiller_that_differs_stays(log):
    source, model = build(KD), build(CCKD, seed=1)
    projection = part(model, 'distiller')
    load(model, source.state_dict())
    assert same(part(model, 'distiller'), projection)
    assert same(part(model, 'architecture'), part(source, 'architecture'))
    assert log[-1].endswith('left unchanged: distiller.')
    load(source, model.state_dict())  # which has none
    assert log[-1] == 'The student was loaded from x.pth.'

    other = OrderedDict(model.state_dict())
    weight, bias = (f'distiller.{name}' for name in projection)
    other[bias] = torch.ones(3)
    del other[weight]
    with torch.no_grad():
        model.student.head.fc.bias.fill_(7)
    load(model, other)
    assert same(part(model, 'distiller'), projection)
    assert log[-1].endswith('left unchanged: distiller.')


def test_a_teacher_that_differs_stays():
    """Weights of another teacher are not loaded partly."""
    model = build(CCKD, type='SingleTeacherDistill')
    teacher = part(model, 'teacher')
    other = OrderedDict(model.state_dict())
    for name in teacher:
        other[f'teacher.{name}'] = torch.zeros_like(other[f'teacher.{name}'])
    del other['teacher.head.fc.bias']
    load(model, other)
    assert same(part(model, 'teacher'), teacher)


@pytest.mark.parametrize('config', [CCKD, STUDENT])
@pytest.mark.parametrize('change, lines', [
    (dict(backbone=dict(base_channels=7, stem_channels=7),
          head=dict(in_channels=14)),
     [r'other shape \(\d+\): (architecture.)?backbone.conv1.weight \(7, ']),
    (dict(head=dict(num_classes=9)),
     [r'other shape \(2\): \S*head.fc.weight \(9, 12\) for \(10, 12\), \S*']),
    (dict(backbone=dict(num_stages=3, strides=(1, 2, 2), out_indices=(1, ),
                        dilations=(1, 1, 1))),
     [r'unexpected \(\d+\): \S*backbone.layer3.0']),
    (dict(backbone=dict(num_stages=1, strides=(1, ), dilations=(1, ),
                        out_indices=(0, )), head=dict(in_channels=6)),
     [r'missing \(\d+\): \S*backbone.layer2.0',
      r'other shape \(1\): \S*head.fc.weight']),
], ids=['width', 'classes', 'deeper', 'shallower'])
def test_others_are_refused(config, change, lines):
    other, model = build(STUDENT, **change), build(config)
    with pytest.raises(ValueError, match='x.pth does not fit') as error:
        fit_state_dict(model, other.state_dict(), 'x.pth')
    for line in lines:
        error.match(line)
    error.match(r"init_cfg=dict\(type='Pretrained', checkpoint=…, prefix=")
    error.match('Give a checkpoint of this distillation, or of its student'
                if config == CCKD else 'the config that it was trained with')


@pytest.mark.parametrize('kind', [
    'FrozenTeacherDistill', 'SingleTeacherDistill'])
def test_the_teachers_is_named(kind):
    teacher, model = build(TEACHER), build(CCKD, type=kind)
    with pytest.raises(
            ValueError, match=r'unexpected(.|\n)*It is the checkpoint of '
            'the teacher, .* Give it as model.teacher_ckpt'):
        fit_state_dict(model, teacher.state_dict(), 'x.pth')


def test_the_student_of_another_config_is_named():
    source, model = build(CCKD), build(TEACHER)
    with pytest.raises(ValueError, match=r'missing(.|\n)*Give the config of '
                       'its student, since the checkpoint is that of a dist'):
        fit_state_dict(model, source.state_dict(), 'x.pth')


@pytest.mark.parametrize('missing', ['backbone.conv1.weight', 'head.fc.bias'])
def test_one_missing_tensor_is_enough(missing):
    weights = build(STUDENT).state_dict()
    del weights[missing]
    with pytest.raises(
            ValueError, match=rf'missing \(1\): architecture.{missing}\n'):
        fit_state_dict(build(CCKD), weights, 'x.pth')


@pytest.mark.parametrize('backbone, sizes', [
    (dict(type='mmpretrain.VisionTransformer', patch_size=8, arch=dict(
        embed_dims=12, num_layers=1, num_heads=2, feedforward_channels=12)),
     [dict(img_size=32), dict(img_size=64)]),
    (dict(type='mmpretrain.SwinTransformerV2', img_size=64, out_indices=(1, ),
          arch=dict(embed_dims=6, depths=[1, 1], num_heads=[1, 1],
                    extra_norm_every_n_blocks=0)),
     [dict(window_size=4), dict(window_size=8)]),
], ids=['vit', 'swin'])
def test_what_modules_adapt_themselves_fits(backbone, sizes):
    """MMPretrain's modules resize positions, and keep their own indices."""
    small, large = (
        MODELS.build(
            dict(
                type='mmpretrain.ImageClassifier',
                backbone=dict(backbone, **size),
                neck=None,
                head=None)) for size in sizes)
    weights = small.state_dict()
    assert fit_state_dict(large, weights, 'x.pth') is weights
    for name, parameter in small.named_parameters():
        if 'pos_embed' not in name:
            assert torch.equal(large.get_parameter(name), parameter), name


def test_a_plain_module():
    model = nn.Linear(2, 2)
    weights = nn.Linear(2, 2).state_dict()
    assert fit_state_dict(model, weights, 'x.pth') is weights


WRAPPED = """
import sys, torch
import mmcckd
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.runner.checkpoint import get_state_dict
from mmrazor.registry import MODELS
from mmcckd.models.algorithms.student_checkpoint import fit_state_dict
torch.distributed.init_process_group('gloo')
cfg = Config.fromfile(sys.argv[1])
cfg.model.teacher_ckpt = None
model = MODELS.build(cfg.model)
model.architecture = MMDistributedDataParallel(model.architecture)
saved = get_state_dict(model)
assert not any('.module.' in name for name in saved)
assert fit_state_dict(model, saved, 'x.pth') is saved
changed = {name: weight + 1 for name, weight in saved.items()}
fit_state_dict(model, changed, 'x.pth')
name = 'architecture.head.fc.bias'
assert torch.equal(get_state_dict(model)[name], changed[name])
del changed[name]
try:
    fit_state_dict(model, changed, 'x.pth')
except ValueError as error:
    assert f'missing (1): {name}' in str(error), error
    print('refused')
"""


def test_names_are_those_without_the_wrappers_of_parts():
    """As MMSeparateDistributedDataParallel wraps the networks one by one."""
    result, = run_ranks(WRAPPED, 1, ROOT / CCKD)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-1] == 'refused'
