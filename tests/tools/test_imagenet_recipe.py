"""The flagship on toy data, as its users run it, on one process and on two."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.runner import CheckpointLoader
from processes import free_port

ROOT = Path(__file__).parent.parent.parent
RECIPE = 'configs/cckd/r50_mbv2_in1k.py'


@pytest.fixture
def recipe(toy_imagenet, tmp_path):
    """The flagship on a few small images, with a teacher of random weights.

    A file, for --cfg-options drop spaces, which a path may have.
    """
    data = f'data_root={toy_imagenet!r}'
    held_out = f"""dict(
    num_workers=0,
    dataset=dict({data}, indices=9, pipeline=[
        dict(type='LoadImage'),
        dict(type='ResizeEdge', scale=36, edge='short'),
        dict(type='CenterCrop', crop_size=32),
        dict(type='PackInputs')]))
"""
    path = tmp_path / 'recipe.py'
    path.write_text(f"""
_base_ = {str(ROOT / RECIPE)!r}
model = dict(teacher_ckpt=None)
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    dataset=dict({data}, indices=32, pipeline=[
        dict(type='LoadImage'),
        dict(type='RandomResizedCrop', scale=32, backend='pillow'),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs')]))
val_dataloader = {held_out}
test_dataloader = {held_out}
default_hooks = dict(logger=dict(interval=1))
""")
    return path


def run(tool, *arguments, processes=1):
    """tools/train.py or test.py, or its dist_*.sh if processes > 1."""
    command = [sys.executable, ROOT / f'tools/{tool}.py', *arguments]
    if processes > 1:
        needed = 1 if tool == 'train' else 2
        command = [
            'bash', ROOT / f'tools/dist_{tool}.sh', *arguments[:needed],
            str(processes), *arguments[needed:]
        ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=dict(
            os.environ,
            PYTHON=sys.executable,
            PORT=free_port(),
            OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True)


def succeed(*arguments, **kwargs):
    result = run(*arguments, **kwargs)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize('processes', [1, 2])
def test_trains_validates_saves_and_resumes(processes, recipe, tmp_path):
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'

    def train(folder, epochs, *more):
        return succeed('train', recipe, '--work-dir', folder, *more,
                       '--cfg-options', f'train_cfg.max_epochs={epochs}',
                       processes=processes)

    log = train(straight, 4)
    steps = 32 // 8 // processes
    assert len(re.findall(r'Epoch\(train\) +\[1\]', log)) == steps
    for name in ('student.loss', 'distill.loss_kd', 'distill.loss_cc'):
        values = [float(v) for v in re.findall(rf'  {name}: ([\d.]+)', log)]
        assert len(values) == 4 * steps and all(v > 0 for v in values)
    validations = re.findall(r'Epoch\(val\) +\[(\d)\]\[\d/\d\] +accuracy', log)
    assert validations == list('1234')

    # The resumed run ends where the undisturbed one does, to the last bit.
    train(halves, 2)
    assert 'resumed epoch: 2' in train(halves, 4, '--resume')
    one, other = (
        CheckpointLoader.load_checkpoint(
            str(folder / 'epoch_4.pth'), 'cpu')['state_dict']
        for folder in (straight, halves))
    assert {name.split('.')[0] for name in one} == {
        'architecture', 'distiller'  # its projection; no teacher
    }
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name

    # A test takes the same student, on as many processes.
    metrics = tmp_path / 'metrics.json'
    succeed('test', recipe, straight / 'epoch_4.pth', '--work-dir', tmp_path,
            '--out', metrics, '--out-item', 'metrics', processes=processes)
    assert set(json.loads(metrics.read_text())) == {
        'accuracy/top1', 'accuracy/top5'
    }


@pytest.mark.parametrize('changes, message', [
    (['train_dataloader.dataset.data_root=/nowhere'],
     "Cannot read ImageNet at data_root='/nowhere': there is no such "
     'folder.\nExpected:'),
    (['model.teacher.cfg_path=mmpretrain::resnet/resnet50_8xb16_cifar100.py'],
     'loss_kd compares 1000 outputs of the student with 100 of the teacher'),
    (['model.distiller.student_recorders.feature.source=necks'],
     'student_recorders.feature cannot record: The student, a '
     "ImageClassifier, has no module 'necks'; near names: neck"),
    (['model.distiller.teacher_recorders.fc.source=head.fcs'],
     "The teacher, a ImageClassifier, has no module 'head.fcs'; near names: "
     'head.fc'),
    (['train_dataloader.batch_size=10'],
     'batch_size must be a multiple of samples_per_class, but is 10 with '
     'samples_per_class=4; use batch_size=8 or 12'),
    (['train_dataloader.batch_sampler.samples_per_class=3'],
     'use batch_size=6 or 9'),
])
def test_a_wrong_config_ends_before_the_first_iteration(
        changes, message, recipe, tmp_path):
    result = run('train', recipe, '--work-dir', tmp_path, '--cfg-options',
                 *changes)
    assert result.returncode != 0
    assert message in result.stderr
    assert 'Epoch(train)' not in result.stdout


def test_a_corrupt_image_is_named(recipe, toy_imagenet, tmp_path):
    folder = tmp_path / 'imagenet'
    for split in ('train', 'val'):
        (folder / split).mkdir(parents=True)
        for source in (Path(toy_imagenet) / split).iterdir():
            (folder / split / source.name).symlink_to(source)
    mine = folder / 'train/n00000003'
    mine.unlink()
    mine.mkdir()
    for i in range(4):
        (mine / f'{i}.JPEG').write_bytes(b'no image')
    recipe.write_text(recipe.read_text().replace(toy_imagenet, str(folder)))
    result = run('train', recipe, '--work-dir', tmp_path)
    assert result.returncode != 0
    assert f'Cannot read the image {mine}/' in result.stderr
