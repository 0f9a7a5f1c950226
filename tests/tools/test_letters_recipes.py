"""The recipes for letters with tools/train.py, dist_train.sh and test.py."""
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, save_checkpoint
from mmpretrain.registry import MODELS

import mmcckd  # noqa: F401

ROOT = Path(__file__).parent.parent.parent
CCKD = 'configs/cckd/r14w16_r8w8_letters.py'
RETRIEVAL = 'configs/cckd/r14w16_r8w8_letters_retrieval.py'


@pytest.fixture
def call(monkeypatch):
    """Run a tool in this process."""

    def run_here(tool, *arguments):
        path = str(ROOT / 'tools' / f'{tool}.py')
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        runpy.run_path(path, run_name='__main__')

    return run_here


@pytest.fixture
def options(toy_letters, tmp_path):
    """Options for a few iterations on few letters, with a teacher."""
    model = MODELS.build(Config.fromfile(
        ROOT / CCKD).model.teacher | dict(_scope_='mmpretrain'))
    model.init_weights()
    teacher = str(tmp_path / 'teacher.pth')
    save_checkpoint(dict(state_dict=model.state_dict()), teacher)
    return [
        '--cfg-options', f'data_root={toy_letters}',
        f'model.teacher_ckpt={teacher}', 'train_dataloader.batch_size=16',
        'train_cfg.val_interval=5', 'default_hooks.checkpoint.interval=5',
        'param_scheduler.1.end=12', 'param_scheduler.1.T_max=12'
    ]


def weights(path):
    return CheckpointLoader.load_checkpoint(
        str(path), map_location='cpu', logger='silent')['state_dict']


def test_train_resume_and_test(call, options, tmp_path):
    """A resumed run ends as an uninterrupted one, in the second pass through
    the data; its student is tested by recognition and by retrieval."""
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    for work_dir, arguments in ((straight, ['train_cfg.max_iters=12']),
                                (halves, ['train_cfg.max_iters=5']),
                                (halves, ['train_cfg.max_iters=12'])):
        resume = ['--resume'] if work_dir.exists() else []
        call('train', ROOT / CCKD, '--work-dir', work_dir, *resume, *options,
             *arguments)
    one, other = (weights(path / 'iter_12.pth') for path in (straight, halves))
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name

    metrics = {}
    for recipe in (CCKD, RETRIEVAL):
        out = tmp_path / 'metrics.json'
        call('test', ROOT / recipe, straight / 'iter_12.pth', '--work-dir',
             tmp_path, '--out', out, '--out-item', 'metrics', *options[:2])
        metrics.update(json.loads(out.read_text()))
    assert 0 <= metrics['accuracy/top1'] <= 100
    assert 0 < metrics['reid/mAP'] <= 1  # unlike the accuracy, no %


def test_two_processes(options, tmp_path):
    """With retrieval as validation."""
    result = subprocess.run(
        [
            'bash', ROOT / 'tools/dist_train.sh', RETRIEVAL, '2',
            '--work-dir', tmp_path / 'run', *options, 'train_cfg.max_iters=5'
        ],
        cwd=ROOT,
        env=dict(os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'Iter(val)' in result.stdout and 'reid/mAP' in result.stdout
    assert (tmp_path / 'run/iter_5.pth').exists()
