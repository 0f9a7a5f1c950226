"""CC and frozen teachers in MMRazor's recipes for dense prediction."""
import copy

import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmcckd.recipes import frozen_teacher, mix_cc  # noqa: E402
from tests.full.dense_recipes import (  # noqa: E402
    CWD,
    FBKD,
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
