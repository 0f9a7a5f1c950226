"""The recipes of other losses have the weights that are published."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmrazor.registry import MODELS

from mmcckd.config_files.overrides import override

CONFIGS = Path(__file__).parents[2] / 'configs'
MMRAZOR = 'mmrazor::distill/mmcls/'


def recipe(name, **overrides):
    path = CONFIGS / f'relational/r14w24_r8w8_kanji_{name}.py'
    return override(Config.fromfile(path), overrides)


def losses(cfg):
    return cfg.model.distiller.distill_losses


def build(loss):
    return vars(MODELS.build(loss))


def test_rkd_has_the_weights_of_mmrazor():
    theirs = losses(get_config(
        MMRAZOR + 'rkd/rkd_neck_resnet34_resnet18_8xb32_in1k.py'))
    mine = losses(recipe('rkd'))
    for name, other in dict(loss_distance='loss_dw',
                            loss_angle='loss_aw').items():
        built = build(mine[name])
        for key, value in theirs[other].items():
            assert mine[name].type == value if key == 'type' else (
                built[key] == value)
    assert losses(recipe('rkd', weight=0.2)).loss_angle.loss_weight == 10
    assert 'loss_kd' in mine


def test_dist_has_the_weights_of_mmrazor():
    theirs = losses(get_config(
        MMRAZOR + 'dist/dist_logits_resnet34_resnet18_8xb32_in1k.py'))
    cfg = recipe('dist')
    (mine, ), (other, ) = losses(cfg).values(), theirs.values()
    assert mine.type == other.pop('type')
    assert {key: build(mine)[key] for key in other} == other
    assert cfg.model.student_loss_weight == 1


@pytest.mark.parametrize('tau', [1., 4.])
def test_dkd_is_a_mean_over_the_batch(tau):
    cfg = recipe('dkd', tau=tau)
    assert cfg.model.student_loss_weight == 1
    size = 6
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(
        2, size, 10, generator=generator, dtype=torch.float64)
    labels = torch.randint(10, (size, ), generator=generator)

    expected = 0.
    for s, t, label in zip(student.numpy(), teacher.numpy(), labels.numpy()):
        p, q = (np.exp(z / tau) / np.exp(z / tau).sum() for z in (t, s))
        target = p[label] * np.log(p[label] / q[label]) + (
            (1 - p[label]) * np.log((1 - p[label]) / (1 - q[label])))
        p, q = (np.delete(x, label) / (1 - x[label]) for x in (p, q))
        expected += tau**2 * (target + 8 * (p * np.log(p / q)).sum()) / size
    (loss, ) = losses(cfg).values()
    found = MODELS.build(loss)(student, teacher, labels)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_the_cc_of_published_tables_has_its_weight_and_embeddings():
    cfg = recipe('repdistiller')
    assert losses(cfg).loss_rd_cc.loss_weight == 0.02
    widths = [
        MODELS.build(cfg.model[network]).head.fc.in_features
        for network in ('architecture', 'teacher')
    ]
    connectors = cfg.model.distiller.connectors
    for side, width in zip('st', widths):
        assert connectors[f'embed_{side}'].module_args == dict(
            in_features=width, out_features=128)


def test_logits_of_other_characters_are_not_compared():
    cfg = Config.fromfile(
        CONFIGS / 'cckd/r14w24_r8w8_kanji_labels_other.py')
    teacher = Config.fromfile(CONFIGS / 'baseline/r14w24_kanji_other.py')
    assert cfg.model.teacher == teacher.model
    assert (cfg.model.teacher.head.num_classes !=
            cfg.model.architecture.head.num_classes)
    distiller = MODELS.build(cfg.model.distiller)
    assert set(distiller.distill_losses) == {'loss_cc'}
    for side in ('student', 'teacher'):
        recorders = getattr(distiller, f'{side}_recorders').recorders
        assert [r.source for r in recorders.values()] == ['neck']
