"""The command lines with a small vision transformer, on the digits."""
import json
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, save_checkpoint
from mmrazor.registry import MODELS

from mmcckd.superclasses import Superclasses
from mmcckd.teacher_store import TeacherStore

ROOT = Path(__file__).parent.parent.parent
VIT = '''
vit = dict(
    _delete_=True,
    _scope_='mmpretrain',
    type='ImageClassifier',
    backbone=dict(
        type='VisionTransformer',
        arch=dict(
            embed_dims=16,
            num_layers=2,
            num_heads=2,
            feedforward_channels=32),
        in_channels=1,
        img_size=8,
        patch_size=2),
    head=dict(
        type='VisionTransformerClsHead', num_classes=10, in_channels=16))
'''
RECIPE = f'''
_base_ = {str(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')!r}
{VIT}
kernel = dict(type='GaussianRBFKernelConnector')
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=12, out_features=16))
tokens = dict(type='TokenConnector', pool='mean')
model = dict(
    teacher=vit,
    teacher_ckpt='TEACHER',
    distiller=dict(
        teacher_recorders=dict(
            fc=dict(source='head.layers.head'),
            feature=dict(source='backbone.ln1')),
        connectors=dict(
            kernel_s=[projection, kernel],
            kernel_t=[tokens, kernel])))
train_cfg = dict(max_epochs=2, val_interval=2)
param_scheduler = dict(T_max=2)
default_hooks = dict(logger=dict(interval=1))
'''
# The same with a CNN as the teacher.
STUDENT = f'''
_base_ = {str(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')!r}
{VIT}
model = dict(
    architecture=vit,
    teacher_ckpt=None,
    distiller=dict(
        student_recorders=dict(
            fc=dict(source='head.layers.head'),
            feature=dict(source='backbone')),
        connectors=dict(kernel_s=[
            dict(
                type='TorchNNConnector',
                module_name='Linear',
                module_args=dict(in_features=16, out_features=128)),
            dict(type='GaussianRBFKernelConnector')
        ])))
train_cfg = dict(max_epochs=1)
param_scheduler = dict(T_max=1)
'''


@pytest.fixture
def call(monkeypatch, capfd):
    """Run a tool in this process; returns what it prints."""

    def run_here(tool, *arguments):
        path = str(ROOT / 'tools' / f'{tool}.py')
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        monkeypatch.setenv('LOCAL_RANK', '0')
        runpy.run_path(path, run_name='__main__')
        return capfd.readouterr().out

    return run_here


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / 'vit.py'
    path.write_text(RECIPE.replace('TEACHER', str(tmp_path / 'teacher.pth')))
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(path).model.teacher)
    save_checkpoint(
        dict(state_dict=model.state_dict()), str(tmp_path / 'teacher.pth'))
    return path


def test_training(call, recipe, tmp_path):
    """With a teacher store, which holds the tokens."""
    store = tmp_path / 'store'
    call('store_teacher', recipe, '--teacher-store', store, '--work-dir',
         tmp_path / 'filled')
    layouts = TeacherStore.open(str(store)).layouts
    assert layouts['ModuleOutputs:backbone.ln1'].shapes == [(17, 16)]
    for name, options in (('run', []), ('stored',
                                        ['--teacher-store', store])):
        work_dir = tmp_path / name
        call('train', recipe, '--work-dir', work_dir, *options)
        log, = work_dir.glob('*/vis_data/scalars.json')
        lines = map(json.loads, log.read_text().splitlines())
        losses = [line['distill.loss_cc'] for line in lines
                  if 'distill.loss_cc' in line]
        assert len(losses) == 10
        assert all(0 < loss < 1 for loss in losses)
        saved = CheckpointLoader.load_checkpoint(
            str(work_dir / 'epoch_2.pth'), logger='silent')['state_dict']
        assert not any(key.startswith('teacher.') for key in saved)


def test_suggested_beta(call, recipe):
    text = call('suggest_beta', recipe, '--iterations', 4)
    assert re.search(r'loss_cc\.loss_weight=[\d.]+', text)


def test_superclasses(call, recipe, tmp_path):
    """The tokens are clustered by their mean, as the loss compares them."""
    out = tmp_path / 'superclasses.npz'
    call('cluster_superclasses', recipe, tmp_path / 'teacher.pth',
         '--num-superclasses', 5, '--out', out)
    superclasses = Superclasses.load(out)
    assert superclasses.centroids.shape == (5, 16)


def test_export_of_a_student(call, tmp_path):
    config = tmp_path / 'student.py'
    config.write_text(STUDENT)
    call('train', config, '--work-dir', tmp_path / 'run')
    text = call('export_student', tmp_path / 'run' / 'epoch_1.pth',
                tmp_path / 'vit.pth', '--onnx')
    assert 'ONNX: images (n, 1, 8, 8), normalized' in text
    student = Config.fromfile(tmp_path / 'vit.py').model
    assert student.backbone.type.endswith('VisionTransformer')
