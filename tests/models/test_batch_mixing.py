import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

import mmcckd  # noqa: F401
from mmcckd.models.algorithms.batch_mixing import batch_augment_names

ROOT = Path(__file__).parent.parent.parent
CCKD = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'
MIXUP, CUTMIX = dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)
BOTH = dict(augments=[MIXUP, CUTMIX])


def recipe(student=None, run=None, train_cfg=BOTH):
    """The digits recipe without a checkpoint, whose student mixes batches."""
    cfg = Config.fromfile(CCKD)
    cfg.model.teacher_ckpt = None
    cfg.model.architecture.train_cfg = copy.deepcopy(train_cfg)
    cfg.merge_from_dict(
        dict(
            data_preprocessor=run or {},
            model=dict(architecture=student or {})))
    return cfg


def build(cfg):
    cfg.model.data_preprocessor = cfg.data_preprocessor
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg.model)


def batch(n=8):
    generator = torch.Generator().manual_seed(0)
    return dict(
        inputs=list(torch.rand(n, 1, 8, 8, generator=generator) * 255),
        data_samples=[DataSample().set_gt_label(i % 10) for i in range(n)])


class Witness(Hook):
    """What the networks were given in training and in validation."""

    def before_train(self, runner):
        self.seen = dict(student=[], teacher=[])
        self.scores, self.validated = [], []
        model = runner.model
        for name in ('student', 'teacher'):
            getattr(model, name).register_forward_pre_hook(
                lambda module, args, name=name: self.seen[name].append(
                    args[0].clone()) if args else None)
        model.data_preprocessor.register_forward_hook(
            lambda module, args, output: self.validated.append(output)
            if args[1:] == (False, ) else None)

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        self.scores.append(
            torch.stack([s.gt_score for s in data_batch['data_samples']]))


def test_both_networks_see_the_mixed_images(tmp_path):
    """A run by Mixup and CutMix, with KD, CC and CUR."""
    cfg = recipe(run=dict(num_classes=None))
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path),
            experiment_name=str(tmp_path),
            log_level='WARNING',
            val_cfg=dict(type='FrozenTeacherDistillValLoop'),
            train_cfg=dict(max_epochs=3, val_interval=3),
            custom_hooks=[
                dict(type='CorrelationVisualizationHook', interval=5)
            ],
            default_hooks=dict(checkpoint=None)))
    runner = Runner.from_cfg(cfg)
    witness = Witness()
    runner.register_hook(witness)
    runner.train()
    steps = len(witness.scores)
    assert steps == 15
    # one call more of the teacher, to prepare it
    students = witness.seen['student'][:steps]
    teachers = witness.seen['teacher'][1:steps + 1]
    for student, teacher in zip(students, teachers):
        assert len(student) == 40 and torch.equal(student, teacher)
    scores = torch.stack(witness.scores)
    torch.testing.assert_close(scores.sum(-1), torch.ones(steps, 40))
    assert (scores.amax(-1) < 1).any(-1).sum() > 10  # λ is seldom 0 or 1
    losses = runner.message_hub.log_scalars
    for name in ('student.loss', 'distill.loss_kd', 'distill.loss_cc'):
        assert 0 < losses[f'train/{name}'].current() < 1e4

    # Validation does not mix.
    assert witness.validated
    for data in witness.validated:
        for sample in data['data_samples']:
            assert sample.gt_score.max() == 1
            assert sample.gt_score.argmax() == sample.gt_label


def test_student_learns_from_the_mixed_labels():
    """Against the cross-entropy of the scores, written out."""
    algorithm = build(recipe(train_cfg=dict(augments=MIXUP)))
    algorithm.student_loss_weight = 1.0
    data = algorithm.data_preprocessor(batch(), True)
    logits = []
    algorithm.student.head.fc.register_forward_hook(
        lambda module, args, output: logits.append(output))
    algorithm.train()
    losses = algorithm(**data, mode='loss')
    logits, = logits
    expected = sum(
        -(sample.gt_score * row.log_softmax(0)).sum()
        for sample, row in zip(data['data_samples'], logits)) / 8
    torch.testing.assert_close(losses['student.loss'], expected)


def test_mixing_of_the_run_comes_first():
    algorithm = build(
        recipe(run=dict(batch_augments=dict(augments=CUTMIX))))
    assert batch_augment_names(algorithm.data_preprocessor) == ['CutMix']


@pytest.mark.parametrize('train_cfg', [None, dict(augments=None)])
def test_nothing_is_changed_where_nothing_is_mixed(train_cfg):
    algorithm = build(
        recipe(run=dict(num_classes=None), train_cfg=train_cfg))
    assert batch_augment_names(algorithm.data_preprocessor) == []
    data = algorithm.data_preprocessor(batch(), True)
    assert 'gt_score' not in data['data_samples'][0]


def test_number_of_classes_is_that_of_the_head():
    algorithm = build(recipe(run=dict(num_classes=1000)))
    data = algorithm.data_preprocessor(batch(), True)
    assert data['data_samples'][0].gt_score.shape == (10, )


def test_a_student_that_prepares_images_itself():
    """Without a data_preprocessor of the run, MMRazor takes the student's."""
    cfg = recipe()
    cfg.model.architecture.data_preprocessor = dict(mean=[78], std=[96])
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        algorithm = MODELS.build(cfg.model)
    assert batch_augment_names(algorithm.data_preprocessor) == [
        'Mixup', 'CutMix']
    data = algorithm.data_preprocessor(batch(), True)
    assert data['data_samples'][0].gt_score.shape == (10, )


def test_what_mixes_is_not_compiled():
    """torch.compile would take the random numbers of the first batch."""
    cfg = recipe()
    cfg.model.compile = True
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        algorithm = MODELS.build(cfg.model)  # prepared as the student says
    assert algorithm.data_preprocessor is algorithm.student.data_preprocessor
    assert 'forward' not in vars(algorithm.data_preprocessor)


SEESAW = dict(_delete_=True, type='SeesawLoss', num_classes=10)
DKD = dict(
    distill_losses=dict(loss_dkd=dict(type='DKDLoss')),
    student_recorders=dict(
        labels=dict(type='ModuleInputs', source='head.loss_module')),
    loss_forward_mappings=dict(
        loss_dkd=dict(
            preds_S=dict(from_student=True, recorder='fc'),
            preds_T=dict(from_student=False, recorder='fc'),
            gt_labels=dict(
                from_student=True, recorder='labels', data_idx=1))))


@pytest.mark.parametrize('changes, message', [
    (dict(head=dict(cal_acc=True)), 'cal_acc=True'),
    (dict(head=dict(loss=SEESAW)), 'SeesawLoss does not accept'),
    (dict(head=dict(_delete_=True, type='ReIDHead', num_classes=10,
                    in_channels=12)), 'ReIDHead, which requires a single'),
])
def test_heads_that_take_one_label(changes, message):
    with pytest.raises(ValueError, match=message) as error:
        build(recipe(student=changes))
    assert 'model.architecture.train_cfg=None' in str(error.value)


@pytest.mark.parametrize('loss', [
    dict(type='CrossEntropyLoss', use_soft=True),
    dict(type='CrossEntropyLoss', use_sigmoid=True),
    dict(type='CrossEntropyLoss', class_weight=[1.0] * 10),
    dict(type='LabelSmoothLoss', label_smooth_val=0.1),
    dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original',
         num_classes=10),
    dict(type='FocalLoss'),
    dict(type='AsymmetricLoss'),
])
def test_losses_that_take_scores(loss):
    algorithm = build(
        recipe(student=dict(head=dict(loss=dict(loss, _delete_=True)))))
    data = algorithm.data_preprocessor(batch(), True)
    assert algorithm(**data, mode='loss')['student.loss'].isfinite()


def test_losses_of_the_distiller_that_take_one_label():
    cfg = recipe()
    cfg.merge_from_dict(dict(model=dict(distiller=DKD)))
    with pytest.raises(ValueError, match='loss_dkd, a DKDLoss, requires'):
        build(cfg)
    cfg = recipe(train_cfg=None)
    cfg.merge_from_dict(dict(model=dict(distiller=DKD)))
    build(cfg)


def test_a_preprocessor_that_mixes_nothing():
    cfg = recipe()
    cfg.data_preprocessor = dict(type='mmengine.ImgDataPreprocessor')
    with pytest.raises(ValueError, match='type ImgDataPreprocessor, which'):
        build(cfg)
