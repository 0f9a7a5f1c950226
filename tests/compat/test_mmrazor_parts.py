"""MMRazor's own distillation parts work with this package imported."""
import math
import random

import pytest
import torch
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from mmrazor.models import losses as mmrazor_losses
from mmrazor.models.architectures import connectors as mmrazor_connectors
from mmrazor.models.task_modules import recorder as mmrazor_recorders
from mmrazor.registry import MODELS, TASK_UTILS
from torch import nn
from torch.nn.functional import cross_entropy

import mmcckd  # noqa: F401

LOGITS = (4, 10)
MAPS = (4, 8, 6, 6)

# name -> (arguments, shape of what it compares)
LOSSES = dict(
    ABLoss=(dict(), MAPS),
    ATLoss=(dict(), MAPS),
    ActivationLoss=(dict(), MAPS),
    AngleWiseRKD=(dict(), LOGITS),
    CRDLoss=(dict(neg_num=5, sample_n=20, dim_out=10), LOGITS),
    ChannelWiseDivergence=(dict(tau=2.), MAPS),
    CrossEntropyLoss=(dict(), LOGITS),
    DISTLoss=(dict(tau=2.), LOGITS),
    DKDLoss=(dict(tau=2.), LOGITS),
    DistanceWiseRKD=(dict(), LOGITS),
    FBKDLoss=(dict(), MAPS),
    FTLoss=(dict(), MAPS),
    InformationEntropyLoss=(dict(), LOGITS),
    KDSoftCELoss=(dict(tau=2.), LOGITS),
    KLDivergence=(dict(tau=2.), LOGITS),
    L1Loss=(dict(), LOGITS),
    L2Loss=(dict(), MAPS),
    MGDLoss=(dict(), MAPS),
    OFDLoss=(dict(), MAPS),
    OnehotLikeLoss=(dict(), LOGITS),
    PKDLoss=(dict(), MAPS),
    WSLD=(dict(num_classes=10), LOGITS),
)
OF_THE_TEACHER = ('ActivationLoss', 'InformationEntropyLoss', 'OnehotLikeLoss')
LABELS = torch.tensor([1, 3, 3, 7])


def test_all_losses_are_here():
    assert set(LOSSES) == set(mmrazor_losses.__all__)


@pytest.mark.parametrize('name', LOSSES)
def test_losses(name):
    torch.manual_seed(0)
    arguments, shape = LOSSES[name]
    loss = MODELS.build(dict(type=name, **arguments))
    student = torch.randn(shape, requires_grad=True)
    teacher = torch.randn(shape)
    if name in OF_THE_TEACHER:
        value = loss(student)
    elif name == 'CRDLoss':
        value = loss(student, teacher, [
            DataSample(
                sample_idx=torch.tensor(i),
                contrast_sample_idxs=torch.arange(i, i + 6)) for i in range(4)
        ])
    elif name == 'FBKDLoss':
        value = loss(*(MODELS.build(
            dict(type=f'FBKD{side}Connector', in_channels=8))(features)
            for side, features in (('Student', student),
                                   ('Teacher', teacher))))
    elif name in ('DKDLoss', 'WSLD'):
        value = loss(student, teacher, LABELS)
    else:
        value = loss(student, teacher)
    assert value.isfinite().all()
    value.sum().backward()
    assert student.grad.isfinite().all() and student.grad.abs().sum() > 0


def test_soft_cross_entropy_is_mmpretrains():
    student, teacher = torch.randn(2, *LOGITS)
    loss = MODELS.build(dict(type='KDSoftCELoss', tau=2., loss_weight=3.))
    expected = 3 * 4 * cross_entropy(student / 2, (teacher / 2).softmax(1))
    torch.testing.assert_close(loss(student, teacher), expected)


# name -> (arguments, shape of what it gives for MAPS)
CONNECTORS = dict(
    BYOTConnector=(dict(
        in_channel=8, out_channel=16, num_classes=5, expansion=1, stride=2),
                   None),
    CRDConnector=(dict(dim_in=8 * 36, dim_out=16), (4, 16)),
    ConvModuleConnector=(dict(in_channel=8, out_channel=3), (4, 3, 6, 6)),
    FBKDStudentConnector=(dict(in_channels=8), None),
    FBKDTeacherConnector=(dict(in_channels=8), None),
    MGDConnector=(dict(student_channels=8, teacher_channels=3), (4, 3, 6, 6)),
    NormConnector=(dict(in_channels=8, norm_cfg=dict(type='BN')), MAPS),
    OFDTeacherConnector=(dict(), MAPS),
    Paraphraser=(dict(in_channel=8, out_channel=3, phase='train'),
                 (4, 3, 6, 6)),
    TorchFunctionalConnector=(dict(
        function_name='avg_pool2d', func_args=dict(kernel_size=6)),
                              (4, 8, 1, 1)),
    TorchNNConnector=(dict(
        module_name='AvgPool2d', module_args=dict(kernel_size=3)),
                      (4, 8, 2, 2)),
    Translator=(dict(in_channel=8, out_channel=3), (4, 3, 6, 6)),
)


def test_all_connectors_are_here():
    assert set(CONNECTORS) == set(mmrazor_connectors.__all__)


@pytest.mark.parametrize('name', CONNECTORS)
def test_connectors(name):
    arguments, shape = CONNECTORS[name]
    connector = MODELS.build(dict(type=name, **arguments))
    if name == 'OFDTeacherConnector':
        connector.init_margin(torch.zeros(1, 8, 1, 1))
    features = torch.randn(MAPS if name != 'BYOTConnector' else (4, 8, 8, 8))
    outputs = connector(features)
    if shape is not None:
        assert outputs.shape == shape
        outputs = (outputs, )
    assert all(output.isfinite().all() for output in outputs)


class Network(nn.Module):

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x)


def double(x):
    return 2 * x


class Doubler:

    def double(self, x):
        return 2 * x


# name -> (source, get_record_data's arguments, what it records of x to y)
RECORDERS = dict(
    FunctionInputsRecorder=(f'{__name__}.double', dict(data_idx=0),
                            lambda x, y: x),
    FunctionOutputsRecorder=(f'{__name__}.double', dict(),
                             lambda x, y: 2 * x),
    MethodInputsRecorder=(f'{__name__}.Doubler.double', dict(data_idx=0),
                          lambda x, y: x),
    MethodOutputsRecorder=(f'{__name__}.Doubler.double', dict(),
                           lambda x, y: 2 * x),
    ModuleInputsRecorder=('layer', dict(data_idx=0), lambda x, y: x),
    ModuleOutputsRecorder=('layer', dict(), lambda x, y: y),
    ParameterRecorder=('layer.weight', dict(), None),
)


def test_all_recorders_are_here():
    assert {*RECORDERS, 'RecorderManager'} == set(mmrazor_recorders.__all__)


@pytest.mark.parametrize('name', RECORDERS)
def test_recorders(name):
    source, arguments, expected = RECORDERS[name]
    network, x = Network(), torch.randn(5, 3)
    manager = mmrazor_recorders.RecorderManager(
        dict(data=dict(type=name.replace('Recorder', ''), source=source)))
    manager.initialize(network)
    with manager:
        y = network(x)
        double(x)
        Doubler().double(x)
    found = manager.get_recorder('data').get_record_data(**arguments)
    if expected is None:
        assert found is network.layer.weight
    else:
        assert torch.equal(found, expected(x, y))


def draw():
    return random.random()


class Source:

    def draw(self):
        return random.random()


@pytest.mark.parametrize('cfg, call', [
    (dict(type='FunctionOutputsDelivery', func_path=f'{__name__}.draw'),
     lambda: draw()),  # by its name, which a delivery gives another
    (dict(
        type='MethodOutputsDelivery', method_path=f'{__name__}.Source.draw'),
     lambda: Source().draw()),
])
def test_deliveries(cfg, call):
    delivery = TASK_UTILS.build(dict(cfg, max_keep_data=2))
    delivery.override_data = False
    with delivery:
        teacher = call(), call()
    delivery.override_data = True
    with delivery:
        student = call(), call()
    assert student == teacher and teacher[0] != teacher[1]
    assert call() not in teacher


def test_deliveries_by_the_old_name():
    """They work only if the modules of mmcls are those of MMPretrain."""
    from mmpretrain.models.utils.batch_augments import Mixup
    mixup = Mixup(alpha=1.)
    delivery = TASK_UTILS.build(
        dict(
            type='MethodOutputsDelivery',
            method_path='mmcls.models.utils.batch_augments.Mixup.mix',
            max_keep_data=1))
    batch = torch.rand(4, 3, 2, 2), torch.eye(4)
    with delivery:
        teacher = mixup.mix(*batch)
    delivery.override_data = True
    with delivery:
        student = mixup.mix(*batch)
    assert all(map(torch.equal, student, teacher))


CLASSIFIER = dict(
    type='mmcls.ImageClassifier',
    backbone=dict(
        type='mmcls.ResNet_CIFAR', depth=18, in_channels=1, base_channels=4),
    neck=dict(type='mmcls.GlobalAveragePooling'),
    head=dict(
        type='mmcls.LinearClsHead',
        num_classes=10,
        in_channels=32,
        loss=dict(type='mmcls.CrossEntropyLoss')))
SAME = dict(s_feature=dict(from_student=True, recorder='map'),
            t_feature=dict(from_student=False, recorder='map'))


def distiller(kind, source, loss, **connectors):
    mapping = {key: dict(value) for key, value in SAME.items()}
    for side in connectors:
        mapping[f'{side}_feature']['connector'] = side
    recorders = dict(map=dict(type='ModuleOutputs', source=source))
    return dict(
        type=kind,
        student_recorders=recorders,
        teacher_recorders=recorders,
        distill_losses=dict(loss_map=dict(type=loss)),
        connectors=connectors,
        loss_forward_mappings=dict(loss_map=mapping))


ALGORITHMS = dict(
    SingleTeacherDistill=dict(
        type='SingleTeacherDistill',
        teacher=CLASSIFIER,
        distiller=distiller('ConfigurableDistiller', 'backbone.layer1',
                            'L2Loss')),
    SelfDistill=dict(
        type='SelfDistill',
        distiller=distiller(
            'BYOTDistiller',
            'backbone.layer2',
            'L2Loss',
            s=dict(
                type='ConvModuleConnector', in_channel=8, out_channel=8))),
    OverhaulFeatureDistillation=dict(
        type='OverhaulFeatureDistillation',
        teacher=CLASSIFIER,
        distiller=distiller(
            'OFDDistiller',
            'backbone.layer2.0.bn1',
            'OFDLoss',
            t=dict(type='OFDTeacherConnector'))),
)


@pytest.mark.parametrize('name, loop, metrics', [
    ('SingleTeacherDistill', 'mmrazor.SingleTeacherDistillValLoop',
     {'accuracy/top1', 'teacher.accuracy/top1'}),
    ('OverhaulFeatureDistillation', 'mmrazor.SingleTeacherDistillValLoop',
     {'accuracy/top1', 'teacher.accuracy/top1'}),
    ('SelfDistill', 'mmrazor.SelfDistillValLoop', {'student.accuracy/top1'}),
    ('SelfDistill', 'ValLoop', {'accuracy/top1'}),
])
def test_distillers_and_val_loops(name, loop, metrics, tmp_path):
    torch.manual_seed(0)
    loader = dict(
        batch_size=10,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
        dataset=dict(
            type='Digits',
            samples_per_class=2,
            pipeline=[dict(type='PackClsInputs')]))
    runner = Runner(
        model=dict(
            ALGORITHMS[name],
            _scope_='mmrazor',
            data_preprocessor=dict(
                type='mmcls.ClsDataPreprocessor', mean=[125.], std=[50.]),
            architecture=CLASSIFIER),
        work_dir=str(tmp_path),
        train_dataloader=loader,
        val_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        val_cfg=dict(type=loop),
        val_evaluator=dict(type='Accuracy', topk=(1, )),
        default_scope='mmcls',
        experiment_name=tmp_path.name,
        log_level='WARNING')
    seen, call_hook = {}, runner.call_hook

    def listen(point, **kwargs):
        if point == 'after_train_iter':
            seen.update(kwargs['outputs'])
        seen.update(kwargs.get('metrics') or {})
        return call_hook(point, **kwargs)

    runner.call_hook = listen
    before = {
        key: value.clone()
        for key, value in runner.model.student.named_parameters()
    }
    runner.train()
    assert math.isfinite(seen['distill.loss_map'])
    assert {key for key in seen if 'accuracy' in key} == metrics
    assert set(runner.val_loop.run()) == metrics
    after = dict(runner.model.student.named_parameters())
    assert not torch.equal(before['backbone.conv1.weight'],
                           after['backbone.conv1.weight'])
