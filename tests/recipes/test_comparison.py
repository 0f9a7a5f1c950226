"""What mix_cc compares, by the kind of the networks."""
import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.recipes import mix_cc

ROOT = Path(__file__).parent.parent.parent
VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(
        embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=16),
    img_size=8,
    patch_size=4,
    in_channels=1)
HEAD = dict(type='mmpretrain.LinearClsHead', num_classes=10)
VIT_HEAD = dict(
    type='mmpretrain.VisionTransformerClsHead', num_classes=10, in_channels=16)


def classifier(backbone, head=None, neck=None):
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=backbone,
        neck=neck,
        head=head)


@pytest.fixture
def digits():
    cfg = Config.fromfile(ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py')
    cfg.train_dataloader.num_workers = 0
    cfg.train_dataloader.persistent_workers = False
    return cfg


def with_teacher(cfg, teacher, source='head.layers.head'):
    """A recipe whose KD compares logits."""
    cfg = copy.deepcopy(cfg)
    cfg.model.teacher = ConfigDict(teacher)
    cfg.model.teacher_ckpt = None
    cfg.model.distiller.teacher_recorders.fc.source = source
    return cfg


def of_teacher(cfg):
    """The recorder, and the connectors before the kernel."""
    distiller = cfg.model.distiller
    mapping = distiller.loss_forward_mappings.loss_cc.preds_T
    connectors = distiller.connectors.cc_kernel_t
    recorder = distiller.teacher_recorders[mapping.recorder]
    if isinstance(connectors, dict):
        connectors = [connectors]
    assert connectors[-1].type.endswith('GaussianRBFKernelConnector')
    return (recorder.type.rpartition('.')[2], recorder.source, [
        {**one, 'type': one.type.rpartition('.')[2]}
        for one in connectors[:-1]
    ])


@pytest.mark.parametrize('teacher, expected', [
    (classifier(VIT, VIT_HEAD), ('ModuleOutputs', 'backbone', [])),
    (classifier(dict(VIT, out_type='avg_featmap'), VIT_HEAD),
     ('ModuleOutputs', 'backbone', [])),
    # Without a head, there is no linear layer with one vector as its input.
    (classifier(dict(VIT, out_type='raw')),
     ('ModuleOutputs', 'backbone',
      [dict(type='TokenConnector', pool='cls', num_extra_tokens=1)])),
    (classifier(dict(VIT, out_type='featmap')),
     ('ModuleOutputs', 'backbone', [dict(type='PoolConnector')])),
    # The class token and the distillation token.
    (classifier(
        dict(VIT, type='mmpretrain.DistilledVisionTransformer'),
        dict(VIT_HEAD, type='mmpretrain.DeiTClsHead')),
     ('ModuleInputs', 'head.layers.head_dist', [])),
    # The backbone outputs logits.
    (classifier(
        dict(type='mmpretrain.LeNet5', num_classes=10),
        dict(type='mmpretrain.ClsHead')),
     ('ModuleInputs', 'backbone.classifier.2', [])),
], ids=['vit', 'average', 'tokens', 'map', 'distilled', 'lenet'])
def test_classifiers_without_a_neck(teacher, expected, digits, request):
    cfg = with_teacher(digits, teacher)
    if 'lenet' in request.node.name:  # images of 32 x 32
        MODELS.get('mmpretrain.LeNet5').img_size = 32
        request.addfinalizer(
            lambda: delattr(MODELS.get('mmpretrain.LeNet5'), 'img_size'))
    assert of_teacher(mix_cc(cfg)) == expected


def test_cc_with_a_transformer_reaches_the_student(digits):
    cfg = mix_cc(with_teacher(digits, classifier(VIT, VIT_HEAD)))
    assert cfg.train_dataloader.batch_sampler.type == 'CURSampler'
    model = MODELS.build(cfg.model)
    batch = dict(
        inputs=torch.randn(8, 1, 8, 8),
        data_samples=[DataSample().set_gt_label(i // 4) for i in range(8)])
    loss = model(**batch, mode='loss')['distill.loss_cc']
    assert 0 < loss < float('inf')
    loss.backward()
    assert model.student.backbone.conv1.weight.grad.abs().max() > 0


class BaseDetector(BaseModel):
    """It has the name of mmdet's base class."""

    def __init__(self, widths=(4, 4, 4), strides=(2, 2, 2)):
        super().__init__()
        self.backbone = nn.Conv2d(3, 4, 3, stride=strides[0], padding=1)
        self.neck = Pyramid(widths, strides[1:])

    def extract_feat(self, inputs):
        return self.neck(self.backbone(inputs))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        feats = self.extract_feat(inputs)
        if mode == 'loss':
            return dict(loss_bbox=[feat.square().mean() for feat in feats])
        return self._forward(inputs)

    def _forward(self, inputs, data_samples=None):
        pytest.fail('the head was run')


class Pyramid(nn.Module):

    def __init__(self, widths, strides):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(4, width, 1, stride=stride) for width, stride in zip(
                widths, (1, strides[0], strides[0] * strides[1])))

    def forward(self, x):
        return tuple(layer(x) for layer in self.layers)


class BaseSegmentor(BaseDetector):

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.backbone = nn.Sequential(self.backbone, self.neck)
        self.neck = None

    def extract_feat(self, inputs):
        return self.backbone(inputs)


@pytest.fixture
def detectors(monkeypatch):
    for kind in (BaseDetector, BaseSegmentor):
        monkeypatch.setitem(MODELS.module_dict, kind.__name__, kind)

    def recipe(student, teacher=None, kind='BaseDetector', **loader):
        teacher = teacher or student
        return Config(
            dict(
                default_scope='mmrazor',
                train_dataloader=dict(batch_size=2, **loader),
                model=dict(
                    type='SingleTeacherDistill',
                    architecture=dict(type=kind, **student),
                    teacher=dict(type=kind, **teacher),
                    distiller=dict(type='ConfigurableDistiller'))))

    return recipe


@pytest.mark.parametrize('kind, student, teacher, levels', [
    ('BaseDetector', (2, 2, 2), (2, 2, 2), (1, 1)),
    # The teacher's pyramid starts one level earlier, or has no level in the
    # middle.
    ('BaseDetector', (4, 2, 2), (2, 2, 2), (1, 2)),
    ('BaseDetector', (2, 2, 2), (2, 4, 2), (0, 0)),
    ('BaseSegmentor', (2, 2, 2), (2, 2, 2), (2, 2)),
    ('BaseSegmentor', (2, 2, 2), (2, 2, 1), (1, 1)),
])
def test_levels_of_the_same_size(kind, student, teacher, levels, detectors):
    cfg = mix_cc(
        detectors(dict(strides=student), dict(strides=teacher), kind))
    assert 'batch_sampler' not in cfg.train_dataloader
    distiller = cfg.model.distiller
    source = dict(BaseDetector='neck', BaseSegmentor='backbone')[kind]
    for side, level in zip(('student', 'teacher'), levels):
        assert distiller[f'{side}_recorders'].cc_feature.source == source
        assert distiller.connectors[f'cc_kernel_{side[0]}'][0] == dict(
            type='PositionConnector', level=level)
    model = MODELS.build(cfg.model)
    loss = model(torch.randn(2, 3, 32, 32), mode='loss')['distill.loss_cc']
    loss.backward()
    assert loss > 0
    weight = next(model.student.parameters())
    assert weight.grad.abs().max() > 0


def test_no_level_of_the_same_size(detectors):
    cfg = detectors(dict(strides=(1, 2, 2)), dict(strides=(8, 2, 2)))
    with pytest.raises(
            ValueError,
            match='the student has 256 x 256, 128 x 128, 64 x 64 and the '
            r'teacher 32 x 32, 16 x 16, 8 x 8.*connector.size=\[h,w\]'):
        mix_cc(cfg)
    mixed = mix_cc(
        cfg,
        connector=dict(
            type='PositionConnector',
            size=(4, 4),
            level=0,
            teacher=dict(level=1)))
    connectors = mixed.model.distiller.connectors
    assert connectors.cc_kernel_s[0] == dict(
        type='PositionConnector', size=(4, 4), level=0)
    assert connectors.cc_kernel_t[0].level == 1
    loss = MODELS.build(mixed.model)(
        torch.randn(2, 3, 32, 32), mode='loss')['distill.loss_cc']
    assert 0 < loss < float('inf')


def test_settings_of_the_default_connector(detectors):
    cfg = detectors(dict())
    connectors = mix_cc(
        cfg, connector=dict(
            max_positions=8,
            student=dict(seed=0))).model.distiller.connectors
    assert connectors.cc_kernel_s[0] == dict(
        type='PositionConnector', level=1, max_positions=8, seed=0)
    assert connectors.cc_kernel_t[0] == dict(
        type='PositionConnector', level=1, max_positions=8)


def test_one_map(detectors):
    """No level is needed."""
    cfg = mix_cc(detectors(dict()), source='neck.layers.1')
    assert cfg.model.distiller.connectors.cc_kernel_s[0] == dict(
        type='PositionConnector')
    cfg = mix_cc(detectors(dict()), data_idx=1)
    assert cfg.model.distiller.connectors.cc_kernel_t[0] == dict(
        type='PositionConnector')
    mapping = cfg.model.distiller.loss_forward_mappings.loss_cc
    assert mapping.preds_T.data_idx == 1


@pytest.mark.parametrize('connector, expected', [
    (None, dict(type='GaussianRBFKernelConnector')),
    ([dict(type='PoolConnector', level=0)],
     [dict(type='PoolConnector', level=0),
      dict(type='GaussianRBFKernelConnector')]),
    (dict(type='PoolConnector', level=-1),
     [dict(type='PoolConnector', level=-1),
      dict(type='GaussianRBFKernelConnector')]),
])
def test_a_connector_of_the_users(connector, expected, detectors):
    cfg = mix_cc(detectors(dict()), connector=connector)
    assert cfg.model.distiller.connectors.cc_kernel_s == expected


def test_projection_after_the_connector(detectors):
    cfg = mix_cc(
        detectors(dict()),
        student_projection=dict(
            type='TorchNNConnector',
            module_name='Linear',
            module_args=dict(in_features=4, out_features=6)))
    assert [one.type for one in cfg.model.distiller.connectors.cc_kernel_s
            ] == ['PositionConnector', 'FlattenConnector', 'TorchNNConnector',
                  'GaussianRBFKernelConnector']
    assert len(cfg.model.distiller.connectors.cc_kernel_t) == 2
    assert MODELS.build(cfg.model)(
        torch.randn(2, 3, 32, 32), mode='loss')['distill.loss_cc'] > 0


@pytest.mark.parametrize('arguments, message', [
    (dict(sampler='CURSampler'),
     'this recipe trains a detector, whose images have no single label'),
    (dict(connector='PoolConnector'), 'connector must be the config of a'),
    (dict(connector=dict(student='PoolConnector')),
     'connector.student must be the config of a'),
])
def test_bad_arguments(arguments, message, detectors):
    with pytest.raises(ValueError, match=message):
        mix_cc(detectors(dict()), **arguments)


def test_settings_without_a_connector(digits):
    with pytest.raises(ValueError, match="connector has no type, only {'lev"):
        mix_cc(digits, connector=dict(level=1))


@pytest.fixture
def log(caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_the_choice_is_logged(detectors, log):
    mix_cc(detectors(dict()))
    assert ('the student is a detector. CC compares the output of '
            'student.neck with PositionConnector(level=1) and the output of '
            'teacher.neck with PositionConnector(level=1); sampler=None. The '
            'keys source, connector and sampler change this.') in log.text
    assert 'number of correlations' not in log.text


def test_few_samples(detectors, log):
    mix_cc(detectors(dict()), connector=dict(type='PoolConnector', level=1))
    assert ('has 2 samples, so the number of correlations that CC compares is '
            '1. Use larger batches, ') in log.text


def test_a_frozen_teacher_stops_at_the_neck(detectors):
    """Its _forward() is not called."""
    cfg = mix_cc(detectors(dict()))
    cfg.model.type = 'FrozenTeacherDistill'
    for model in (MODELS.build(cfg.model),
                  copy.deepcopy(MODELS.build(cfg.model))):
        loss = model(torch.randn(2, 3, 32, 32), mode='loss')
        assert loss['distill.loss_cc'] > 0


def test_a_teacher_store_of_a_detector(detectors):
    cfg = mix_cc(detectors(dict()))
    cfg.model.type = 'FrozenTeacherDistill'
    cfg.model.teacher_store = dict(path='store', views=1)
    with pytest.raises(ValueError, match='store cannot be used with a detec'):
        MODELS.build(cfg.model)


def test_several_labels(digits):
    cfg = copy.deepcopy(digits)
    cfg.model.architecture.head = dict(
        type='mmpretrain.MultiLabelLinearClsHead',
        num_classes=10,
        in_channels=12)
    assert 'batch_sampler' not in mix_cc(cfg).train_dataloader
    with pytest.raises(ValueError, match='trains a multi-label classifier'):
        mix_cc(cfg, sampler='CURSampler')
