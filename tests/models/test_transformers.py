"""Transformers as teachers of a CNN, and as students."""
import functools

import pytest
import torch
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

ARCH = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
VIT = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='VisionTransformer', arch=ARCH, img_size=32, patch_size=8),
    head=dict(type='VisionTransformerClsHead', num_classes=5, in_channels=16))
DEIT = dict(
    VIT,
    backbone=dict(VIT['backbone'], type='DistilledVisionTransformer'),
    head=dict(type='DeiTClsHead', num_classes=5, in_channels=16))
SWIN = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='SwinTransformer',
        arch=dict(embed_dims=8, depths=[1, 1, 2, 1], num_heads=[1, 1, 2, 2]),
        img_size=32,
        window_size=2,
        drop_path_rate=0.,
        pad_small_map=True),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=64))
CNN = dict(
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
# Network, recorder of the feature, connectors before the kernel, logits.
NETWORKS = dict(
    cnn=(CNN, 'neck', [], 'head.fc'),
    vit=(VIT, 'backbone', [], 'head.layers.head'),
    vit_tokens=(VIT, 'backbone.layers.1', [dict(type='TokenConnector')],
                'head.layers.head'),
    deit=(DEIT, 'backbone.ln1',
          [dict(type='TokenConnector', pool='cls', num_extra_tokens=2)],
          'head.layers.head_dist'),
    swin=(SWIN, 'neck', [], 'head.fc'),
    swin_map=(SWIN, 'backbone', [dict(type='PoolConnector')], 'head.fc'))
KERNEL = dict(type='GaussianRBFKernelConnector')


def config(teacher, student='cnn', **changes):
    student, *of_student = NETWORKS[student]
    teacher, *of_teacher = NETWORKS[teacher]
    sides = dict(student=of_student, teacher=of_teacher)
    recorders = {
        f'{side}_recorders': dict(
            feature=dict(type='ModuleOutputs', source=feature),
            logits=dict(type='ModuleOutputs', source=logits))
        for side, (feature, _, logits) in sides.items()
    }
    return dict(
        type='FrozenTeacherDistill',
        architecture=student,
        teacher=teacher,
        distiller=dict(
            type='ConfigurableDistiller',
            **recorders,
            connectors={
                side: [*connectors, KERNEL]
                for side, (_, connectors, _) in sides.items()
            },
            distill_losses=dict(
                loss_kd=dict(type='KLDivergence', tau=1),
                loss_cc=dict(type='CorrelationCongruenceLoss')),
            loss_forward_mappings=dict(
                loss_kd=dict(
                    preds_S=dict(recorder='logits', from_student=True),
                    preds_T=dict(recorder='logits', from_student=False)),
                loss_cc=dict(
                    preds_S=dict(
                        recorder='feature',
                        from_student=True,
                        connector='student'),
                    preds_T=dict(
                        recorder='feature',
                        from_student=False,
                        connector='teacher')))),
        **changes)


def build(*args, like=None, **kwargs):
    """An algorithm, with the weights of another one."""
    torch.manual_seed(0)
    algorithm = MODELS.build(config(*args, **kwargs))
    if like is not None:
        for side in ('student', 'teacher'):
            getattr(algorithm, side).load_state_dict(
                getattr(like, side).state_dict())
    return algorithm.train()


@pytest.fixture(scope='module')
def batch():
    generator = torch.Generator().manual_seed(0)
    samples = [DataSample().set_gt_label(i % 5) for i in range(6)]
    for i, sample in enumerate(samples):
        sample.set_metainfo(dict(dataset_index=i, view=0))
    return torch.randn(6, 3, 32, 32, generator=generator), samples


PAIRS = [(teacher, 'cnn') for teacher in NETWORKS if teacher != 'cnn']
PAIRS += [('cnn', 'vit'), ('cnn', 'swin')]
pairs = pytest.mark.parametrize('teacher, student', PAIRS)


@pairs
def test_the_gradient_reaches_the_student_alone(teacher, student, batch):
    algorithm = build(teacher, student)
    losses = algorithm.loss(*batch)
    assert all(loss.isfinite() for loss in losses.values())
    losses['distill.loss_cc'].backward()
    first = next(algorithm.student.backbone.parameters())
    assert first.grad.abs().sum() > 0
    assert all(p.grad is None for p in algorithm.teacher.parameters())


@pytest.mark.parametrize('teacher, student, changes, tolerance', [
    *((*pair, dict(teacher_dtype='bfloat16', channels_last=True), 0.05)
      for pair in PAIRS),
    *((*pair, dict(compile=True), 1e-4)
      for pair in (('swin', 'cnn'), ('cnn', 'vit'))),
])
def test_prepared_networks_have_the_same_losses(teacher, student, changes,
                                                tolerance, batch,
                                                monkeypatch):
    torch.compiler.reset()  # torch 2.1 takes the sizes of another network
    monkeypatch.setattr(
        torch, 'compile', functools.partial(torch.compile, backend='eager'))
    plain = build(teacher, student)
    algorithm = build(teacher, student, like=plain, **changes)
    expected, losses = plain.loss(*batch), algorithm.loss(*batch)
    for name, loss in expected.items():
        torch.testing.assert_close(
            losses[name], loss, rtol=tolerance, atol=tolerance * 1e-3)


def test_a_teacher_that_computes_in_float32(batch):
    """LeViT's attention adds a float32 tensor that is no parameter."""
    cfg = config('vit')
    cfg['teacher'] = dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(type='LeViT', arch='128s', img_size=32, patch_size=16),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LeViTClsHead', num_classes=5, in_channels=384))
    cfg['distiller']['teacher_recorders'] = dict(
        logits=dict(type='ModuleOutputs', source='head.head.linear'))
    del cfg['distiller']['distill_losses']['loss_cc']
    del cfg['distiller']['loss_forward_mappings']['loss_cc']
    assert MODELS.build(cfg).loss(*batch)['distill.loss_kd'].isfinite()
    cfg['teacher_dtype'] = 'bfloat16'
    with pytest.raises(
            ValueError, match="cannot run with teacher_dtype='bfloat16', since"
            ' it also computes .*Remove teacher_dtype, and train with --amp'):
        MODELS.build(cfg).loss(*batch)


@pairs
def test_teacher_store(teacher, student, batch, tmp_path):
    plain = build(teacher, student)
    algorithm = build(
        teacher,
        student,
        like=plain,
        teacher_store=dict(path=str(tmp_path), views=1, dtype='float32'))
    expected = plain.loss(*batch)
    stored = algorithm.stored_teacher
    stored.open(stored.probe(*batch), 6, dict(a=1))
    stored.batch_size = 6
    for _ in range(2):  # computed, and read
        losses = algorithm.loss(*batch)
        assert losses['distill.loss_cc'] > 0
        for name in ('distill.loss_cc', 'distill.loss_kd'):
            torch.testing.assert_close(losses[name], expected[name],
                                       rtol=1e-4, atol=1e-7)
