import pickle
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from tests.checkpoints import read

ROOT = Path(__file__).parent.parent.parent
STUDENT, TEACHER = 'accuracy/top1', 'teacher.accuracy/top1'


def digits_runner(work_dir, **options):
    """Three epochs of the digits recipe, with a teacher of random weights."""
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            experiment_name=work_dir.name,
            log_level='WARNING',
            val_cfg=dict(type='FrozenTeacherDistillValLoop'),
            train_cfg=dict(max_epochs=3, val_interval=1),
            model=dict(teacher_ckpt=None)))
    cfg.merge_from_dict(options)
    return Runner.from_cfg(cfg)


def listen(runner, *points):
    """What the hooks are called with at these points, in order."""
    seen, call_hook = [], runner.call_hook

    def call_and_note(name, **kwargs):
        if name in points:
            seen.append((name, kwargs))
        return call_hook(name, **kwargs)

    runner.call_hook = call_and_note
    return seen


def test_the_teacher_is_validated_once(tmp_path):
    runner = digits_runner(tmp_path, **{'model.teacher_dtype': 'bfloat16'})
    seen = listen(runner, 'after_val_epoch')
    runner.train()
    assert [set(kwargs['metrics']) for _, kwargs in seen] == [{
        STUDENT, TEACHER
    }, {STUDENT}, {STUDENT}]


@pytest.mark.parametrize('loop', [
    'FrozenTeacherDistillValLoop', 'mmrazor.SingleTeacherDistillValLoop'
])
def test_hooks_see_one_validation(loop, tmp_path):
    runner = digits_runner(tmp_path, **{'val_cfg.type': loop})
    points = ('before_val', 'before_val_epoch', 'after_val_epoch', 'after_val')
    seen = listen(runner, *points)
    metrics = runner.val()
    assert tuple(name for name, _ in seen) == points
    assert set(metrics) == {STUDENT, TEACHER}
    assert metrics == seen[2][1]['metrics']


def always_say(network, label):
    """Let a classifier see this class in every image."""
    torch.nn.init.zeros_(network.head.fc.weight)
    with torch.no_grad():
        network.head.fc.bias.copy_(torch.eye(10)[label])


def test_each_network_gets_its_own_metrics(tmp_path):
    runner = digits_runner(
        tmp_path,
        val_evaluator=[
            dict(type='Accuracy', topk=(1, )),
            dict(
                type='DumpResults',
                out_file_path=str(tmp_path / 'predictions.pkl'))
        ])
    always_say(runner.model.student, 3)
    always_say(runner.model.teacher, 8)
    seen = listen(runner, 'after_val_iter')
    metrics = runner.val()
    labels = runner.val_dataloader.dataset.get_gt_labels()
    assert metrics[STUDENT] == pytest.approx(100 * (labels == 3).mean())
    assert metrics[TEACHER] == pytest.approx(100 * (labels == 8).mean())
    assert metrics[STUDENT] != metrics[TEACHER]
    # Files and pictures of predictions are the student's.
    dumped = pickle.loads((tmp_path / 'predictions.pkl').read_bytes())
    shown = [sample for _, kwargs in seen for sample in kwargs['outputs']]
    assert len(dumped) == len(shown) == len(labels)
    assert {int(sample['pred_label']) for sample in dumped} == {3}
    assert {int(sample.pred_label) for sample in shown} == {3}


@pytest.mark.parametrize('loop, scope', [
    ('FrozenTeacherDistillValLoop', 'mmengine'),
    ('FrozenTeacherDistillValLoop', 'mmpretrain'),
    ('mmrazor.SingleTeacherDistillValLoop', 'mmengine'),
])
def test_averaged_weights_are_those_of_a_run_without_validation(
        loop, scope, tmp_path):
    ema = dict(type=f'{scope}.EMAHook', momentum=0.1)

    def train(name, **options):
        runner = digits_runner(
            tmp_path / name, custom_hooks=[dict(ema)], **options)
        runner.train()
        trained = dict(runner.model.state_dict())
        saved = read(tmp_path / name / 'epoch_3.pth')
        return trained, saved['state_dict'], saved['ema_state_dict']

    validated = train('validated', **{'val_cfg.type': loop})
    undisturbed = train(
        'undisturbed', val_cfg=None, val_dataloader=None, val_evaluator=None)
    for found, expected in zip(validated, undisturbed):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in found)
    # The averages are not the weights: swapping them would have been seen.
    trained, averaged, _ = validated
    assert not torch.equal(trained['architecture.backbone.conv1.weight'],
                           averaged['architecture.backbone.conv1.weight'])


def test_a_model_without_a_teacher_is_refused(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/baseline/r10w6_digits.py')
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path),
            experiment_name=tmp_path.name,
            log_level='WARNING',
            val_cfg=dict(type='FrozenTeacherDistillValLoop')))
    with pytest.raises(ValueError, match=r'ImageClassifier\) has none; remo'):
        Runner.from_cfg(cfg).val()
