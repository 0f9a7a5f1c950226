from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

RECIPE = (
    Path(__file__).parent.parent.parent /
    'configs/cckd/r18w16_r10w6_digits.py')


def digits_runner(work_dir, *hooks, **options):
    """Two epochs of the digits recipe, with CUR and more hooks."""
    cfg = Config.fromfile(RECIPE)
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            experiment_name=work_dir.name,
            log_level='WARNING',
            train_cfg=dict(max_epochs=2),
            model=dict(teacher_ckpt=None),
            custom_hooks=list(hooks)))
    cfg.merge_from_dict(options)
    return Runner.from_cfg(cfg)


def test_hooks_run_with_a_distillation_and_a_batch_sampler(tmp_path):
    """Hooks that need no workaround, and ClassNumCheckHook."""
    mixup = dict(augments=[dict(type='Mixup', alpha=0.8)])
    runner = digits_runner(
        tmp_path,
        dict(type='ClassNumCheckHook'),
        dict(type='EMAHook', evaluate_on_origin=True),
        dict(
            type='SwitchRecipeHook',
            schedule=[
                dict(
                    action_epoch=2,
                    batch_augments=mixup,
                    train_pipeline=[dict(type='PackInputs')])
            ]),
        dict(type='SyncBuffersHook'),
        dict(type='EarlyStoppingHook', monitor='accuracy/top1'),
        dict(type='EmptyCacheHook', after_epoch=True),
        dict(type='mmrazor.StopDistillHook', stop_epoch=1),
        dict(
            type='mmrazor.EstimateResourcesHook',
            estimator_cfg=dict(
                type='mmrazor.ResourceEstimator', input_shape=(1, 1, 8, 8))),
        val_cfg=dict(type='FrozenTeacherDistillValLoop'),
        **{'train_cfg.val_interval': 1})
    runner.train()
    assert runner.epoch == 2
    assert runner.model.distillation_stopped
    pipeline = runner.train_dataloader.dataset.pipeline
    assert [type(t).__name__ for t in pipeline.transforms] == ['PackInputs']


@pytest.mark.parametrize('options, message', [
    ({
        'model.architecture.head.num_classes': 12,
        'model.teacher.head.num_classes': 12
    }, r'head \(LinearClsHead\) has num_classes=12, but the data set, Digits, '
     'has 10 classes'),
    ({
        'data_preprocessor.num_classes': 12
    }, r'data_preprocessor \(ClsDataPreprocessor\) has num_classes=12'),
])
def test_a_wrong_number_of_classes_is_found(options, message, tmp_path):
    runner = digits_runner(
        tmp_path, dict(type='ClassNumCheckHook'), **options)
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert runner.iter == 0


def test_classes_of_wrapped_data_sets_are_counted(tmp_path):
    cfg = Config.fromfile(RECIPE)
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', times=1, dataset=cfg.train_dataloader.dataset)
    options = {
        'train_dataloader.batch_sampler': None,
        'train_dataloader.dataset': dict(_delete_=True, **cfg.
                                         train_dataloader.dataset),
        'model.architecture.head.num_classes': 12,
        'model.teacher.head.num_classes': 12
    }
    runner = digits_runner(
        tmp_path, dict(type='ClassNumCheckHook'), **options)
    with pytest.raises(ValueError, match='RepeatDataset, has 10 classes'):
        runner.train()


def test_precise_statistics_are_those_of_whole_batches(tmp_path):
    """The mean over the epoch's batches, by the weights at its end."""
    runner = digits_runner(
        tmp_path,
        dict(type='PreciseBNHook', num_samples=85, priority='ABOVE_NORMAL'),
        train_cfg=dict(max_epochs=1),
        **{'train_dataloader.dataset.pipeline': [dict(type='PackInputs')]})
    runner.train()
    student = runner.model.student
    means, variances = [], []
    for batch, _ in zip(runner.train_dataloader, range(85 // 40)):
        images = runner.model.data_preprocessor(batch)['inputs']
        features = student.backbone.conv1(images).transpose(0, 1).flatten(1)
        means.append(features.mean(1))
        variances.append(features.var(1))
    for found, expected in ((student.backbone.bn1.running_mean, means),
                            (student.backbone.bn1.running_var, variances)):
        torch.testing.assert_close(
            found, torch.stack(expected).mean(0).detach())


def test_too_few_samples_for_precise_statistics_are_refused(tmp_path):
    runner = digits_runner(
        tmp_path, dict(type='PreciseBNHook', num_samples=39))
    with pytest.raises(ValueError, match='=39, but an iteration has 40'):
        runner.train()
    assert runner.iter == 0


def test_the_students_loss_is_switched(tmp_path):
    loss = dict(type='LabelSmoothLoss', label_smooth_val=0.1, num_classes=10)
    hook = dict(
        type='SwitchRecipeHook', schedule=[dict(action_epoch=2, loss=loss)])
    runner = digits_runner(tmp_path, hook)
    runner.train()
    model = runner.model
    assert type(model.student.head.loss_module).__name__ == 'LabelSmoothLoss'
    assert type(model.teacher.head.loss_module).__name__ == 'CrossEntropyLoss'


@pytest.mark.parametrize('place', ['', 'architecture.'])
def test_the_students_parameters_are_warmed_up(place, tmp_path):
    hook = dict(
        type='WarmupParamHook',
        param_name='momentum',
        module_name=f'{place}backbone.bn1',
        warmup_epochs=4)
    runner = digits_runner(tmp_path, hook)
    momentum = runner.model.teacher.backbone.bn1.momentum
    runner.train()
    assert 0 < runner.model.student.backbone.bn1.momentum < momentum


def test_the_students_margins_are_set(tmp_path):
    head = dict(
        _delete_=True, type='ArcFaceClsHead', num_classes=10, in_channels=12)
    runner = digits_runner(
        tmp_path,
        dict(type='SetAdaptiveMarginsHook', margin_min=0.1, margin_max=0.3),
        **{
            # all samples, of which classes have different numbers
            'train_dataloader.dataset.samples_per_class': None,
            'model.architecture.head': head,
            'model.distiller.student_recorders.fc.source': 'head.norm_product'
        })
    runner.train()
    counts = torch.bincount(
        torch.tensor(runner.train_dataloader.dataset.get_gt_labels()))
    margins = runner.model.student.head.margins
    assert margins[counts.argmax()] == pytest.approx(0.1)
    assert margins[counts.argmin()] == pytest.approx(0.3)
