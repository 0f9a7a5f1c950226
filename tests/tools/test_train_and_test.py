"""tools/train.py and tools/test.py as their users run them."""
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, save_checkpoint
from torch import nn

import mmcckd  # noqa: F401
from tests.checkpoints import read

ROOT = Path(__file__).parent.parent.parent
STUDENT = 'configs/baseline/r10w6_digits.py'
CCKD = 'configs/cckd/r18w16_r10w6_digits.py'


def run(tool, *arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, str(ROOT / 'tools' / f'{tool}.py'),
         *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True)


def succeed(tool, *arguments, **kwargs):
    result = run(tool, *arguments, **kwargs)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture
def call(monkeypatch):
    """Run a tool in this process."""

    def run_here(tool, *arguments):
        path = str(ROOT / 'tools' / f'{tool}.py')
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        runpy.run_path(path, run_name='__main__')

    return run_here


def epochs(n):
    """Options for n epochs under the schedule of 4, a checkpoint each."""
    return [
        f'train_cfg.max_epochs={n}', 'train_cfg.val_interval=1',
        'default_hooks.checkpoint.interval=1', 'param_scheduler.T_max=4',
        'param_scheduler.end=4'
    ]


@pytest.fixture(scope='module')
def teacher(tmp_path_factory):
    from mmrazor.registry import MODELS
    cfg = Config.fromfile(ROOT / CCKD)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    model = MODELS.build(cfg.model.teacher)
    model.init_weights()
    save_checkpoint(dict(state_dict=model.state_dict()), str(path))
    return path


def weights(path):
    checkpoint = CheckpointLoader.load_checkpoint(
        str(path), map_location='cpu', logger='silent')
    return checkpoint['state_dict']


def test_train_resume_and_test_cckd(teacher, tmp_path):
    config = tmp_path / 'cckd.py'
    config.write_text(f'_base_ = {str(ROOT / CCKD)!r}\n'
                      # not by --cfg-options, which drop spaces
                      f'model = dict(teacher_ckpt={str(teacher)!r})\n')
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    succeed('train', config, '--work-dir', straight, '--cfg-options',
            *epochs(4))
    succeed('train', config, '--work-dir', halves, '--cfg-options',
            *epochs(2))
    resumed = succeed('train', config, '--work-dir', halves, '--resume',
                      '--cfg-options', *epochs(4))
    assert 'resumed epoch: 2' in resumed.stdout

    # The resumed run ends where the undisturbed one does, to the last bit.
    one = weights(straight / 'epoch_4.pth')
    other = weights(halves / 'epoch_4.pth')
    assert set(one) == set(other)
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name
    assert {name.split('.')[0] for name in one} == {
        'architecture', 'distiller'  # its projection; no teacher
    }

    # The student is tested without its teacher at hand.
    metrics = tmp_path / 'metrics.json'
    succeed('test', CCKD, straight / 'epoch_4.pth', '--work-dir', tmp_path,
            '--out', metrics, '--out-item', 'metrics', '--cfg-options',
            'model.teacher_ckpt=/nowhere.pth')
    written = Config.fromfile(tmp_path / Path(CCKD).name)
    assert written.model.teacher_ckpt == '/nowhere.pth'  # as given
    assert written.load_from is None  # so that it can train again
    accuracy = json.loads(metrics.read_text())['accuracy/top1']
    assert 0 <= accuracy <= 100
    assert f'accuracy/top1: {accuracy:.4f}' in next(
        tmp_path.glob('2*/*.log')).read_text()


def test_default_work_dir_and_no_validate(tmp_path):
    result = succeed('train', ROOT / STUDENT, '--no-validate',
                     '--cfg-options', 'train_cfg.max_epochs=1',
                     'default_hooks.checkpoint.interval=1', cwd=tmp_path)
    assert (tmp_path / 'work_dirs/r10w6_digits/epoch_1.pth').exists()
    assert 'Epoch(val)' not in result.stdout


def test_auto_scale_lr(tmp_path):
    result = succeed('train', STUDENT, '--work-dir', tmp_path,
                     '--auto-scale-lr', '--cfg-options',
                     'train_cfg.max_epochs=1',
                     'train_dataloader.batch_size=20')
    assert 'Scaling the original LR by 0.5' in result.stdout


def test_mixed_precision(teacher, call, tmp_path, monkeypatch):
    inside = []
    forward = nn.Linear.forward

    def record(self, x):
        inside.append(torch.is_autocast_enabled() or
                      torch.is_autocast_cpu_enabled())
        return forward(self, x)

    monkeypatch.setattr(nn.Linear, 'forward', record)
    call('train', ROOT / CCKD, '--work-dir', tmp_path, '--amp',
         '--no-validate', '--cfg-options', f'model.teacher_ckpt={teacher}',
         *epochs(1))
    assert any(inside)
    checkpoint = read(tmp_path / 'epoch_1.pth')
    assert 'loss_scaler' in checkpoint['optimizer']
    for weight in weights(tmp_path / 'epoch_1.pth').values():
        assert weight.dtype in (torch.float32, torch.int64)


@pytest.mark.parametrize('arguments, message', [
    (['--cfg-options', 'model.teacher_ckpt=/nowhere/teacher.pth'],
     'No teacher checkpoint at /nowhere/teacher.pth; set model.teacher_ckpt'),
    (['--auto-scale-lr', '--cfg-options', 'auto_scale_lr._delete_=True'],
     'has no auto_scale_lr.base_batch_size'),
    (['--cfg-options', 'bta=10'], 'has no bta. Did you mean beta?'),
    (['--resume'], 'there is nothing to resume'),
    (['--resume', 'nowhere.pth'], '--resume nowhere.pth: no such checkpoint'),
    pytest.param(['--amp', '--cfg-options', 'optim_wrapper.dtype=float16'],
                 '--amp with optim_wrapper.dtype=float16, but PyTorch finds '
                 'no GPU; on a CPU, use bfloat16',
                 marks=pytest.mark.skipif(
                     torch.cuda.is_available(), reason='there is a GPU')),
])
def test_train_errors(arguments, message, tmp_path):
    result = run('train', CCKD, '--work-dir', tmp_path, *arguments)
    assert result.returncode != 0
    assert message in result.stderr


def test_a_student_has_its_accuracy_in_every_config(call, tmp_path):
    work_dir = ['--work-dir', tmp_path / 'alone']
    call('train', ROOT / STUDENT, *work_dir, '--no-validate',
         '--cfg-options', 'train_cfg.max_epochs=25',
         'optim_wrapper.optimizer.lr=0.2',
         'default_hooks.checkpoint.interval=25')
    checkpoint = tmp_path / 'alone/epoch_25.pth'
    resumed = tmp_path / 'resumed.py'  # the config of a run that was resumed
    resumed.write_text(f'_base_ = {str(ROOT / CCKD)!r}\nresume = True\n')
    out = tmp_path / 'metrics.json'
    accuracies = []
    for config in (ROOT / STUDENT, ROOT / CCKD, resumed):
        call('test', config, checkpoint, '--work-dir', tmp_path / 'test',
             '--out', out, '--out-item', 'metrics')
        accuracies.append(json.loads(out.read_text())['accuracy/top1'])
    assert accuracies == accuracies[:1] * 3
    assert accuracies[0] > 50
    written = Config.fromfile(tmp_path / 'test/resumed.py')
    assert written.resume and written.load_from is None  # as given


def test_a_student_in_mixed_precision_has_its_accuracy(call, tmp_path):
    call('train', ROOT / STUDENT, '--amp', '--work-dir', tmp_path,
         '--cfg-options', 'train_cfg.max_epochs=25',
         'train_cfg.val_interval=25', 'optim_wrapper.optimizer.lr=0.2')
    log, = tmp_path.glob('*/vis_data/scalars.json')
    metrics = json.loads(log.read_text().splitlines()[-1])
    assert metrics['accuracy/top1'] > 50  # as in float32, see above


@pytest.mark.parametrize('tool, arguments, message', [
    ('test', ['{teacher}'], "checkpoint of the teacher, since it fits"),
    ('train', ['--cfg-options', 'load_from={teacher}',
               'model.teacher_ckpt={teacher}'],
     "checkpoint of the teacher, since it fits the teacher exactly"),
    ('train', ['--resume', '{teacher}', '--cfg-options',
               'model.teacher_ckpt={teacher}'],
     'cannot be resumed from: it has no meta and no message_hub'),
])
def test_checkpoints_of_others(tool, arguments, message, teacher, call,
                               tmp_path):
    arguments = [argument.format(teacher=teacher) for argument in arguments]
    with pytest.raises(ValueError, match=message):
        call(tool, ROOT / CCKD, *arguments, '--work-dir', tmp_path)
    assert not list(tmp_path.glob('*.pth'))


def test_mmrazors_own_algorithm_refuses_another_teacher(call, teacher,
                                                        tmp_path):
    config = tmp_path / 'mmrazors.py'
    cfg = Config.fromfile(ROOT / CCKD)
    cfg.model.type = 'SingleTeacherDistill'
    del cfg.model['student_loss_weight']
    cfg.train_cfg = dict(by_epoch=False, max_iters=1)
    cfg.dump(config)
    for path, prefix in (('right', ''), ('wrong', 'backbone.')):
        save_checkpoint(
            dict(state_dict={
                prefix + name: tensor
                for name, tensor in weights(teacher).items()
            }), str(tmp_path / f'{path}.pth'))
    arguments = ['--work-dir', tmp_path, '--no-validate', '--cfg-options']
    with pytest.raises(ValueError, match=r'wrong.pth does not fit the teacher'
                       r'(.|\n)*missing \(\d+\)(.|\n)*unexpected'):
        call('train', config, *arguments,
             f'model.teacher_ckpt={tmp_path}/wrong.pth')
    call('train', config, *arguments,
         f'model.teacher_ckpt={tmp_path}/right.pth')


def test_resuming_in_a_folder_that_was_moved(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('/once/here/epoch_2.pth')
    result = run('train', CCKD, '--work-dir', tmp_path, '--resume')
    assert result.returncode != 0
    assert '/once/here/epoch_2.pth' in result.stderr
    assert f'--resume {tmp_path}/epoch_2.pth' in result.stderr


def test_test_errors(tmp_path):
    result = run('test', STUDENT, 'x.pth', '--out-item', 'metrics')
    assert result.returncode == 2
    assert '--out-item needs --out' in result.stderr
    result = run('test', STUDENT, 'x.pth', '--cfg-options', 'load_from=y.pth')
    assert result.returncode == 2
    assert 'load_from=… would change nothing' in result.stderr


def test_a_variable_of_a_recipe(teacher, tmp_path):
    """The config in the work dir says what was done."""
    succeed('train', CCKD, '--work-dir', tmp_path, '--no-validate',
            '--no-pin-memory', '--no-persistent-workers', '--cfg-options',
            f'model.teacher_ckpt={teacher}', 'beta=0', 'k=8',
            'default_hooks.logger.interval=1', *epochs(1))
    written = Config.fromfile(tmp_path / Path(CCKD).name)
    assert (written.beta, written.k) == (0, 8)
    loss = written.model.distiller.distill_losses.loss_cc
    assert loss.loss_weight == 0
    assert written.train_dataloader.batch_sampler.samples_per_class == 8
    scalars = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    assert '"distill.loss_cc": 0.0' in scalars
