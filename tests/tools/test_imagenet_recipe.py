"""The flagship on toy data, as its users run it, on one process and on two."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from processes import free_port

ROOT = Path(__file__).parent.parent.parent
RECIPE = 'configs/cckd/r50_mbv2_in1k.py'


@pytest.fixture
def options(toy_imagenet):
    """A few small images, and a teacher of random weights."""
    roots = [f'{loader}_dataloader.dataset.data_root={toy_imagenet}'
             for loader in ('train', 'val', 'test')]
    return [
        '--cfg-options', *roots, 'model.teacher_ckpt=None',
        'train_dataloader.dataset.indices=32',
        'train_dataloader.dataset.pipeline.1.scale=32',
        'train_dataloader.batch_size=8', 'train_dataloader.num_workers=1',
        'train_dataloader.persistent_workers=True',
        'val_dataloader.dataset.indices=9', 'val_dataloader.num_workers=0',
        'val_dataloader.dataset.pipeline.2.crop_size=32',
        'test_dataloader.dataset.indices=9', 'test_dataloader.num_workers=0',
        'test_dataloader.dataset.pipeline.2.crop_size=32',
        'default_hooks.logger.interval=1'
    ]


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
def test_trains_validates_saves_and_resumes(processes, options, tmp_path):
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'

    def train(folder, epochs, *more):
        return succeed('train', RECIPE, '--work-dir', folder, *more, *options,
                       f'train_cfg.max_epochs={epochs}', processes=processes)

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
        torch.load(folder / 'epoch_4.pth', map_location='cpu')['state_dict']
        for folder in (straight, halves))
    assert {name.split('.')[0] for name in one} == {
        'architecture', 'distiller'  # its projection; no teacher
    }
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name

    # A test takes the same student, on as many processes.
    metrics = tmp_path / 'metrics.json'
    succeed('test', RECIPE, straight / 'epoch_4.pth', '--work-dir', tmp_path,
            '--out', metrics, '--out-item', 'metrics', *options,
            processes=processes)
    assert set(json.loads(metrics.read_text())) == {
        'accuracy/top1', 'accuracy/top5'
    }


@pytest.mark.parametrize('changes, message', [
    (['train_dataloader.dataset.data_root=/nowhere'],
     "No ImageNet that can be read at data_root='/nowhere': there is no such "
     'folder.\nExpected:'),
    (['model.teacher.cfg_path=mmpretrain::resnet/resnet50_8xb16_cifar100.py'],
     'loss_kd compares 1000 outputs of the student with 100 of the teacher'),
    (['model.distiller.student_recorders.feature.source=necks'],
     'student_recorders.feature cannot listen: The student, a '
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
        changes, message, options, tmp_path):
    result = run('train', RECIPE, '--work-dir', tmp_path, *options, *changes)
    assert result.returncode != 0
    assert message in result.stderr
    assert 'Epoch(train)' not in result.stdout


def test_a_corrupt_image_is_named(options, toy_imagenet, tmp_path):
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
    result = run('train', RECIPE, '--work-dir', tmp_path, *options,
                 f'train_dataloader.dataset.data_root={folder}')
    assert result.returncode != 0
    assert f'Cannot read the image {mine}/' in result.stderr
