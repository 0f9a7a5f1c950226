"""tools/train.py and tools/test.py as their users run them."""
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint

import mmcckd  # noqa: F401

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
    return torch.load(path, map_location='cpu')['state_dict']


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


@pytest.mark.parametrize('arguments, message', [
    (['--cfg-options', 'model.teacher_ckpt=/nowhere/teacher.pth'],
     'No teacher checkpoint at /nowhere/teacher.pth; set model.teacher_ckpt'),
    (['--auto-scale-lr', '--cfg-options', 'auto_scale_lr._delete_=True'],
     'has no auto_scale_lr.base_batch_size'),
    (['--cfg-options', 'bta=10'], 'has no bta. Did you mean beta?'),
    (['--resume'], 'there is nothing to resume'),
    (['--resume', 'nowhere.pth'], '--resume nowhere.pth: no such checkpoint'),
    pytest.param(['--amp'], '--amp, but PyTorch finds no GPU here',
                 marks=pytest.mark.skipif(
                     torch.cuda.is_available(), reason='there is a GPU')),
])
def test_train_errors(arguments, message, tmp_path):
    result = run('train', CCKD, '--work-dir', tmp_path, *arguments)
    assert result.returncode != 0
    assert message in result.stderr


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
