"""CC and frozen teachers in MMRazor's recipes for dense prediction."""
import copy

import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmcckd.export.student_config import student_config  # noqa: E402
from mmcckd.recipes import frozen_teacher, mix_cc  # noqa: E402
from tests.full.dense_recipes import (  # noqa: E402
    CWD,
    FBKD,
    FCOS3D,
    PKD,
    SEG,
    batch_of,
    build,
    losses_of,
    read,
)


@pytest.mark.parametrize('recipe, levels', [(PKD, (2, 3)), (FBKD, (2, 2)),
                                            (SEG, (3, 3))])
def test_cc_alone_reaches_the_student(recipe, levels):
    """The levels have maps of the same size."""
    cfg = mix_cc(read(recipe))
    assert cfg.train_dataloader == read(recipe).train_dataloader
    connectors = cfg.model.distiller.connectors
    for side, level in zip('st', levels):
        assert connectors[f'cc_kernel_{side}'] == [
            dict(type='PositionConnector', level=level),
            dict(type='GaussianRBFKernelConnector')
        ]
    model = build(cfg)
    loss = losses_of(model, batch_of(model, cfg))['distill.loss_cc']
    assert 0 < loss < float('inf')
    loss.backward()
    weight = next(p for p in model.student.parameters() if p.requires_grad)
    assert weight.grad.isfinite().all() and weight.grad.abs().max() > 0


@pytest.mark.parametrize('recipe, features_only', [
    (PKD, True), (FBKD, True), (CWD, False), (SEG, False)
])
def test_a_frozen_teacher_gives_the_same_losses(recipe, features_only):
    cfg = read(recipe)
    shipped = build(cfg)
    batch = batch_of(shipped, cfg)
    expected = losses_of(shipped, copy.deepcopy(batch))

    model = build(frozen_teacher(cfg))
    assert type(model).__name__ == 'FrozenTeacherDistill'
    model.student.load_state_dict(shipped.student.state_dict())
    model.teacher.load_state_dict(shipped.teacher.state_dict())
    model.distiller.load_state_dict(shipped.distiller.state_dict())
    heads = []
    for name in ('bbox_head', 'rpn_head', 'decode_head'):
        if hasattr(model.teacher, name):
            for module in getattr(model.teacher, name).modules():
                module.register_forward_hook(lambda *_: heads.append(_))
    found = losses_of(model, batch)
    assert bool(heads) != features_only
    assert set(found) == set(expected)
    for name, loss in expected.items():
        torch.testing.assert_close(
            found[name], loss, rtol=1e-3, atol=1e-5, msg=name)
    assert {name.partition('.')[0] for name in model.state_dict()
            } <= {'architecture', 'distiller'}


@pytest.mark.parametrize('settings, tolerance', [
    (dict(channels_last=True), 1e-3),
    (dict(teacher_dtype='bfloat16'), 0.1),
    (dict(teacher_dtype='float32', student_loss_weight=0.5), 1e-3),
])
def test_settings_of_a_frozen_teacher(settings, tolerance):
    """With autocast, which the teacher's dtype overrides."""
    cfg = frozen_teacher(mix_cc(read(PKD)))
    expected = build(cfg)
    batch = batch_of(expected, cfg)
    losses = losses_of(expected, copy.deepcopy(batch))
    cfg.model.update(settings)
    model = build(cfg)
    model.student.load_state_dict(expected.student.state_dict())
    model.teacher.load_state_dict(expected.teacher.state_dict())
    found = losses_of(model, batch)
    for name, loss in losses.items():
        if 'distill' in name:
            torch.testing.assert_close(
                found[name], loss, rtol=tolerance, atol=1e-3, msg=name)
        else:  # losses of mmdet are lists with a loss for each level
            alpha = settings.get('student_loss_weight', 1.)
            torch.testing.assert_close(
                found[name], [alpha * level for level in loss], rtol=tolerance,
                atol=1e-4, msg=name)
    total, _ = model.parse_losses(found)
    total.backward()
    assert total.isfinite()


def test_under_autocast():
    cfg = frozen_teacher(mix_cc(read(PKD)))
    model = build(cfg)
    with torch.autocast('cpu', torch.bfloat16):
        losses = losses_of(model, batch_of(model, cfg))
    assert losses['distill.loss_cc'].dtype == torch.float32
    assert 0 < losses['distill.loss_cc'] < float('inf')


@pytest.mark.parametrize('recipe, source', [(FBKD, 'roi_head.bbox_head'),
                                            (SEG, 'auxiliary_head.conv_seg')])
def test_a_recorder_that_runs_with_the_loss_alone(recipe, source):
    cfg = read(recipe)
    cfg.model.distiller.teacher_recorders.other = dict(
        type='ModuleOutputs', source=source)
    with pytest.raises(ValueError, match=f"records '{source}', which only "
                       'runs, or runs on other inputs, when the teacher comp'):
        frozen_teacher(cfg)


def test_a_teacher_with_another_normalization():
    cfg = frozen_teacher(read(SEG))
    cfg.model.teacher.data_preprocessor.update(bgr_to_rgb=False)
    with pytest.raises(ValueError, match='the padding has a constant value'):
        build(cfg)


@pytest.mark.parametrize('recipe, scope, mean', [
    (PKD, 'mmdet', 123.675),
    (FCOS3D, 'mmdet3d', 103.53),
    (SEG, 'mmseg', 123.675),
])
def test_config_of_an_exported_student(recipe, scope, mean):
    """As init_detector() of mmdet, and init_model() of the others, expect."""
    student = student_config(read(recipe))
    assert student.default_scope == scope
    assert student.model.data_preprocessor.mean[0] == mean
    assert 'data_preprocessor' not in student
    assert ('test_pipeline' in student) == (scope == 'mmseg')
