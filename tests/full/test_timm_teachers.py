"""timm's networks as teachers of a CNN: a step by MMPretrain's wrappers."""
import copy

import pytest
import torch
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

timm = pytest.importorskip('timm')

KERNEL = dict(type='GaussianRBFKernelConnector')
TOKENS = dict(type='TokenConnector')
VIT = dict(
    model_name='vit_tiny_patch16_224', img_size=32, depth=2, embed_dim=48)
DEIT = dict(VIT, model_name='deit_tiny_distilled_patch16_224')
SWIN = dict(
    model_name='swin_tiny_patch4_window7_224',
    img_size=32,
    window_size=2,
    depths=(1, 1, 1, 1),
    embed_dim=24)
CNN = dict(model_name='resnet18')
STUDENT = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        stem_channels=4,
        base_channels=8,
        num_stages=2,
        strides=(1, 2),
        dilations=(1, 1),
        out_indices=(1, )),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=16))


def classifier(network):
    return dict(type='mmpretrain.TimmClassifier', num_classes=5, **network)


def backbone(network, neck=None, head=None):
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(type='TIMMBackbone', **network),
        neck=neck,
        head=head)


GAP = dict(type='GlobalAveragePooling')
# The teacher, what it records, and connectors before the kernel.
TEACHERS = dict(
    vit_tokens=(classifier(VIT), 'model.norm', [TOKENS]),
    vit_class_token=(classifier(VIT), 'model.norm',
                     [dict(TOKENS, pool='cls')]),
    vit=(classifier(VIT), 'model.head_drop', []),
    deit=(classifier(DEIT), 'model.norm',
          [dict(TOKENS, num_extra_tokens=2)]),
    swin=(classifier(SWIN), 'model.head.global_pool', []),
    cnn=(classifier(CNN), 'model.global_pool', []),
    cnn_map=(classifier(CNN), 'model.layer3', [dict(type='PoolConnector')]),
    backbone_vit=(backbone(VIT), 'backbone', [TOKENS]),
    backbone_cnn=(backbone(CNN, GAP), 'neck', []),
    backbone_pyramid=(backbone(dict(CNN, features_only=True)), 'backbone',
                      [dict(type='PoolConnector', level='all')]))


def recipe(teacher, **changes):
    network, source, connectors = TEACHERS[teacher]
    sides = dict(student='neck', teacher=source)
    return dict(
        type='FrozenTeacherDistill',
        architecture=STUDENT,
        teacher=copy.deepcopy(network),
        distiller=dict(
            type='ConfigurableDistiller',
            **{
                f'{side}_recorders': dict(
                    feature=dict(type='ModuleOutputs', source=name))
                for side, name in sides.items()
            },
            connectors=dict(student=KERNEL, teacher=[*connectors, KERNEL]),
            distill_losses=dict(
                loss_cc=dict(type='CorrelationCongruenceLoss')),
            loss_forward_mappings=dict(
                loss_cc={
                    f'preds_{side[0].upper()}': dict(
                        recorder='feature',
                        from_student=side == 'student',
                        connector=side)
                    for side in sides
                })),
        **changes)


@pytest.fixture(scope='module')
def batch():
    generator = torch.Generator().manual_seed(0)
    samples = [DataSample().set_gt_label(i % 5) for i in range(4)]
    return torch.randn(4, 3, 32, 32, generator=generator), samples


@pytest.mark.parametrize('teacher', TEACHERS)
@pytest.mark.parametrize('dtype', [None, 'bfloat16'])
def test_the_gradient_reaches_the_student_alone(teacher, dtype, batch):
    algorithm = MODELS.build(recipe(teacher, teacher_dtype=dtype)).train()
    assert not algorithm.teacher.training
    for part in algorithm.teacher.modules():
        assert not part.training
    loss = algorithm.loss(*batch)['distill.loss_cc']
    assert loss.isfinite() and loss > 0
    loss.backward()
    first = next(algorithm.student.backbone.parameters())
    assert first.grad.abs().sum() > 0
    assert all(p.grad is None for p in algorithm.teacher.parameters())


def test_a_checkpoint_of_timm(batch, tmp_path):
    """Names of weights without MMPretrain's prefix, in a file of timm's."""
    torch.manual_seed(1)
    network = timm.create_model(num_classes=5, **VIT)
    torch.save(network.state_dict(), tmp_path / 'vit.pth')
    algorithm = MODELS.build(
        recipe('vit', teacher_ckpt=str(tmp_path / 'vit.pth')))
    algorithm.loss(*batch)
    network.eval()
    torch.testing.assert_close(
        algorithm.teacher(batch[0]), network(batch[0]))


def test_tokens_without_a_connector(batch):
    cfg = recipe('backbone_vit')
    cfg['distiller']['connectors']['teacher'] = KERNEL
    with pytest.raises(ValueError, match=r'but got \(4, 5, 48\); .*TokenCon'):
        MODELS.build(cfg).loss(*batch)
