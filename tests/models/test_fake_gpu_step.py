"""Connectors, losses, heads and training steps on a GPU do not wait for it.

The first step of a training is left out: it prepares the teacher.
"""
from pathlib import Path
from unittest import mock

import pytest
import torch
from fake_gpu import NoWaiting, fake_gpu
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

from mmcckd.config_files.without_weights import without_weights
from mmcckd.functional.late_check import LateCheck

CONFIGS = Path(__file__).parents[2] / 'configs'
DIGITS = 'cckd/r18w16_r10w6_digits.py'
POSITIONS = dict(type='PositionConnector', max_positions=50, size=(3, 3))
RBF = dict(type='GaussianRBFKernelConnector')
MAPS = (8, 6, 4, 4)


@pytest.mark.parametrize('kind, shape', [
    ('MMDKernelConnector', MAPS),
    ('BilinearKernelConnector', MAPS),
    ('GaussianRBFKernelConnector', MAPS),
    ('FlattenConnector', MAPS),
    ('PoolConnector', MAPS),
    ('PositionConnector', MAPS),
    ('TokenConnector', (8, 10, 6)),
])
def test_connector(kind, shape):
    connector = MODELS.build(dict(_scope_='mmrazor', type=kind))
    with fake_gpu(), NoWaiting():
        out = connector(torch.randn(shape, device='cuda'))
    assert out.device.type == 'cuda'


@pytest.mark.parametrize(
    'kind', ['CorrelationCongruenceLoss', 'RepDistillerCCLoss'])
def test_loss(kind):
    loss = MODELS.build(dict(_scope_='mmrazor', type=kind))
    with fake_gpu(), NoWaiting():
        x = torch.randn(8, 8, device='cuda')
        assert loss(x, 2 * x).device.type == 'cuda'


def samples(labels):
    """The samples of a batch whose labels were copied to the GPU."""
    found = []
    for label in labels.split(1):
        found.append(DataSample())
        found[-1].set_field(label, 'gt_label')
    return found


@pytest.mark.parametrize('head', [
    dict(type='ReIDHead', num_classes=9, in_channels=6),
    dict(
        type='ReIDHead',
        num_classes=9,
        in_channels=6,
        triplet=dict(type='BatchHardTripletLoss', margin=None)),
    dict(type='RetrievalClsHead', num_classes=9, in_channels=6),
], ids=lambda head: head['type'])
def test_head(head):
    head = MODELS.build(dict(head, _scope_='mmpretrain'))
    with fake_gpu():
        head.to('cuda')
        features = (torch.randn(8, 6, device='cuda'), )
        labels = torch.arange(8, device='cuda') // 2
        with NoWaiting():
            losses = head.loss(features, samples(labels))
        for loss in losses.values():
            assert loss.device.type == 'cuda'
        for sample in head.predict(features):
            assert sample.feature.device.type == 'cuda'


def with_positions(model):
    """Compare positions of maps instead of features."""
    distiller = model.distiller
    for side in ('student', 'teacher'):
        distiller[f'{side}_recorders'].feature.source = 'backbone'
    projection = distiller.connectors.kernel_s[0]
    distiller.connectors = dict(
        kernel_s=[POSITIONS, projection, RBF], kernel_t=[POSITIONS, RBF])
    distiller.loss_forward_mappings.loss_cc.preds_T.data_idx = 0


def with_other_images(model):
    """A teacher with another normalization."""
    model.teacher.data_preprocessor = dict(
        type='ClsDataPreprocessor', mean=[10], std=[20])


def with_half_precision(model):
    model.update(teacher_dtype='bfloat16', channels_last=True)


@pytest.mark.parametrize('config, shape, change', [
    (DIGITS, (40, 1, 8, 8), None),
    (DIGITS, (40, 1, 8, 8), with_positions),
    (DIGITS, (40, 1, 8, 8), with_other_images),
    (DIGITS, (40, 1, 8, 8), with_half_precision),
    ('cckd/r50_mbv2_in1k.py', (8, 3, 64, 64), None),
    ('cckd/r50_mbv2_msmt17.py', (8, 3, 64, 32), None),
])
def test_step(config, shape, change):
    init_default_scope('mmpretrain')
    cfg = Config.fromfile(CONFIGS / config)
    cfg.model = without_weights(cfg.model)
    cfg.model.data_preprocessor = cfg.data_preprocessor
    if change is not None:
        change(cfg.model)
    model = MODELS.build(cfg.model)
    with fake_gpu(), torch.autocast('cuda', enabled=change is not None):
        model.to('cuda')
        images = torch.randn(shape, device='cuda')
        labels = torch.arange(len(images), device='cuda') // 4
        with mock.patch.object(LateCheck, '__call__'):  # nothing to read yet
            model(images, samples(labels), mode='loss')
        with NoWaiting():
            losses = model(images, samples(labels), mode='loss')
            loss, _ = model.parse_losses(losses)
    assert 'distill.loss_cc' in losses
    assert loss.device.type == 'cuda'
    assert {x.device.type for x in model.state_dict().values()} == {'cuda'}
