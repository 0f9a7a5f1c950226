"""tools/cluster_superclasses.py as its users run it, and as they break it."""
import fcntl
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from mmpretrain.registry import MODELS as PRETRAIN_MODELS
from mmrazor.registry import MODELS
from processes import free_port

from mmcckd.datasets.fingerprint import sample_names
from mmcckd.superclasses import Superclasses
from mmcckd.superclasses.extraction_config import build_training_set
from mmcckd.superclasses.stored_features import copy_features
from mmcckd.teacher_store import RecordLayout, StoreSettings, TeacherStore

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / 'tools/cluster_superclasses.py'
TEACHER = ROOT / 'configs/baseline/r18w16_digits.py'
CCKD = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'


@pytest.fixture(scope='module')
def teacher(tmp_path_factory):
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(TEACHER).model)
    model.init_weights()
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    save_checkpoint(dict(state_dict=model.state_dict()), str(path))
    return str(path)


@pytest.fixture
def cluster(teacher, monkeypatch, capsys):
    """Run the tool in this process; returns what it prints."""

    def run(*arguments, config=TEACHER, n=10, checkpoint=teacher):
        monkeypatch.setattr(sys, 'argv', [
            str(TOOL), str(config), str(checkpoint), '--num-superclasses',
            str(n), *map(str, arguments)
        ])
        monkeypatch.setenv('LOCAL_RANK', '0')
        runpy.run_path(str(TOOL), run_name='__main__')
        return capsys.readouterr().out

    return run


def test_the_file_and_its_surroundings(cluster, tmp_path):
    out = tmp_path / 'new' / 'superclasses.npz'
    printed = cluster('--out', out)
    made = Superclasses.load(out)
    assert made.labels.shape == (200, )
    assert made.centroids.shape == (10, 128)
    for name, value in dict(
            algorithm='kmeans', seed=0, num_superclasses=10, module='neck',
            sizes=made.sizes.tolist()).items():
        assert made.meta[name] == value
    assert f'sizes: {made.sizes.min()} to {made.sizes.max()}' in printed
    for word in ('purity', 'mutual information', 'silhouette', 'ETA'):
        assert word in printed
    features, = out.parent.glob('teacher_features_*.npy')
    assert np.load(features, mmap_mode='r').dtype == np.float16
    assert {p.suffix for p in out.parent.iterdir()} == {
        '.npz', '.npy', '.json', '.png', '.html', '.lock'
    }

    # A second start, from a distillation config, has nothing left to compute.
    times = {p: p.stat().st_mtime_ns for p in (features, )}
    before = out.read_bytes()
    again = cluster('--out', out, config=CCKD)
    assert 'ETA' not in again
    assert times == {p: p.stat().st_mtime_ns for p in times}
    assert out.read_bytes() == before


def test_sha256_of_the_teacher(cluster, teacher, tmp_path):
    cluster('--out', tmp_path / 'superclasses.npz')
    said = subprocess.run(['sha256sum', teacher],
                          capture_output=True,
                          text=True).stdout.split()[0]
    made = Superclasses.load(tmp_path / 'superclasses.npz')
    assert made.meta['teacher_sha256'] == said


def test_another_number_reuses_the_features(cluster, tmp_path):
    cluster('--out', tmp_path / 'ten.npz')
    printed = cluster('--out', tmp_path / 'five.npz', n=5)
    assert 'ETA' not in printed
    assert len(Superclasses.load(tmp_path / 'five.npz').centroids) == 5
    assert len(list(tmp_path.glob('*.npy'))) == 1


def test_a_wrapped_training_set(cluster, tmp_path):
    """Each sample of the wrapper has the superclass of its image."""
    config = tmp_path / 'wrapped.py'
    config.write_text(f"""
_base_ = '{CCKD}'
digits = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(type='RepeatDataset', times=2, dataset=digits),
            dict(type='ClassBalancedDataset', oversample_thr=1.0,
                 dataset=digits)
        ]))
""")
    printed = cluster('--out', tmp_path / 'wrapped.npz', config=config)
    assert 'purity' in printed
    made = Superclasses.load(tmp_path / 'wrapped.npz')
    dataset = build_training_set(Config.fromfile(config))
    assert len(made.labels) == len(dataset) > 600
    images = sample_names(dataset)
    assert len(set(zip(images, made.labels))) == len(set(images)) == 200
    assert made.of_samples(dataset, '').tolist() == made.labels.tolist()
    with pytest.raises(ValueError, match='the dataset 200'):
        made.of_samples(dataset.datasets[0].dataset, '')


def test_a_config_of_mmpretrain(tmp_path):
    """An ImageNet recipe, whose preprocessor has no type, on JPEGs."""
    rng = np.random.default_rng(0)
    for i in range(12):
        path = tmp_path / 'train' / f'n0000000{i % 3}' / f'{i}.JPEG'
        path.parent.mkdir(parents=True, exist_ok=True)
        image = rng.integers(256, size=(40, 50, 3), dtype=np.uint8)
        cv2.imwrite(str(path), image)
    path.write_bytes(b'no image')
    config = tmp_path / 'r18.py'
    config.write_text(
        "_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'\n"
        "train_dataloader = dict(dataset=dict(_delete_=True, "
        f"type='CustomDataset', data_prefix={str(tmp_path / 'train')!r}))\n"
        'test_dataloader = dict(batch_size=8, num_workers=1)\n')
    cfg = Config.fromfile(config)
    torch.manual_seed(0)
    save_checkpoint(
        dict(state_dict=PRETRAIN_MODELS.build(cfg.model).state_dict()),
        str(tmp_path / 'r18.pth'))
    command = [
        sys.executable, TOOL, config, tmp_path / 'r18.pth',
        '--num-superclasses', '2', '--out', tmp_path / 's.npz'
    ]
    stopped = subprocess.run(command, capture_output=True, text=True)
    assert stopped.returncode == 1
    assert '1 of 12 images cannot be read' in stopped.stderr
    assert str(path) in stopped.stderr
    assert not (tmp_path / 's.npz').exists()
    subprocess.run([*command, '--skip-unreadable'],
                   check=True,
                   capture_output=True)
    made = Superclasses.load(tmp_path / 's.npz')
    assert made.centroids.shape == (2, 512)
    assert (made.labels < 0).sum() == 1 and made.sizes.sum() == 11


def environment(**more):
    return dict(os.environ, PYTHON=sys.executable, **more)


def test_one_process_and_two_make_the_same_file(teacher, tmp_path):
    """5 batches of 48, the last of 8: one rank has nothing at the end."""
    arguments = ['--num-superclasses', '20', '--cfg-options',
                 'test_dataloader.batch_size=48']
    one, two = tmp_path / 'one.npz', tmp_path / 'two' / 'two.npz'
    subprocess.run(
        [sys.executable, TOOL, TEACHER, teacher, '--out', one, *arguments],
        check=True,
        capture_output=True)
    subprocess.run([
        'bash', ROOT / 'tools/dist_cluster_superclasses.sh', TEACHER, teacher,
        '2', '--out', two, *arguments
    ],
                   check=True,
                   capture_output=True,
                   # torchrun leaves its logs in TMPDIR
                   env=environment(PORT=free_port(), TMPDIR=str(tmp_path)))
    assert one.read_bytes() == two.read_bytes()
    features = [next(p.parent.glob('*.npy')) for p in (one, two)]
    assert features[0].read_bytes() == features[1].read_bytes()


@pytest.mark.parametrize('stage', ['extraction', 'clustering'])
def test_killed_five_times(stage, teacher, tmp_path):
    """At random moments, with ``kill -9``; the last start ends as if nothing
    had happened."""
    config = tmp_path / 'all_digits.py'
    config.write_text(f'_base_ = {str(TEACHER)!r}\n'
                      'train_dataloader = dict(dataset=dict('
                      'samples_per_class=None))\n'
                      'test_dataloader = dict(batch_size=1)\n')
    command = [
        sys.executable, TOOL, config, teacher, '--num-superclasses', '40',
        '--algorithm', 'minibatch', '--out'
    ]
    undisturbed = tmp_path / 'undisturbed' / 'superclasses.npz'
    subprocess.run([*command, undisturbed], check=True, capture_output=True)

    out = tmp_path / 'killed' / 'superclasses.npz'
    chance = random.Random(stage)
    marker = dict(extraction='Features of', clustering='Clustering')[stage]
    for _ in range(5):
        log = tmp_path / 'log'
        with open(log, 'wb') as file:
            process = subprocess.Popen([*command, out],
                                       stdout=file,
                                       stderr=file,
                                       env=environment(PYTHONUNBUFFERED='1'))
        while marker not in log.read_text() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert marker in log.read_text()
        if out.exists():  # then it is complete
            assert out.read_bytes() == undisturbed.read_bytes()
            out.unlink()
    subprocess.run([*command, out], check=True, capture_output=True)
    assert out.read_bytes() == undisturbed.read_bytes()
    assert not list(out.parent.glob('.*.partial*'))


@pytest.fixture
def store(teacher, tmp_path, monkeypatch):
    """A config whose training has the test pipeline, and its store."""
    config = tmp_path / 'plain.py'
    config.write_text(
        f'_base_ = {str(CCKD)!r}\n'
        'train_dataloader = dict(dataset=dict(pipeline=[dict('
        "type='PackInputs')]))\n"
        f'model = dict(teacher_ckpt={teacher!r}, teacher_store=dict('
        f'path={str(tmp_path / "store")!r}, views=1, dtype="float32"))\n')

    def fill(*arguments):
        monkeypatch.setattr(sys, 'argv', [
            'store_teacher.py', str(config), '--work-dir',
            str(tmp_path / 'work'), *arguments
        ])
        runpy.run_path(
            str(ROOT / 'tools/store_teacher.py'), run_name='__main__')
        return config, tmp_path / 'store'

    return fill


def test_features_of_a_teacher_store(store, cluster, tmp_path):
    config, folder = store()
    one, two = tmp_path / 'one', tmp_path / 'two'
    cluster('--out', one / 's.npz', '--dtype', 'float32', config=config)
    cluster('--out', two / 's.npz', '--dtype', 'float32', '--teacher-store',
            folder, config=config)
    features = [
        np.load(next(path.glob('*.npy')), mmap_mode='r') for path in (one, two)
    ]
    np.testing.assert_allclose(*features, atol=1e-5)
    made = [Superclasses.load(path / 's.npz') for path in (one, two)]
    assert (made[0].labels == made[1].labels).all()
    # The features of the store are not those of a run of the teacher.
    with pytest.raises(SystemExit, match='made with other settings'):
        cluster('--out', one / 's.npz', '--dtype', 'float32',
                '--teacher-store', folder, config=config)


def test_a_store_of_something_else(store, teacher, cluster, tmp_path):
    config, folder = store()
    arguments = ('--out', tmp_path / 's.npz', '--teacher-store', folder)
    with pytest.raises(SystemExit, match='belongs to something else than thi'
                       's clustering: (?s:.*)pipeline'):
        cluster(*arguments, '--cfg-options', 'test_dataloader.dataset.pipeline'
                '.0.meta_keys=sample_idx', config=config)
    other = tmp_path / 'other.pth'
    weights = torch.load(teacher)['state_dict']
    weights['head.fc.bias'] += 1
    torch.save(dict(state_dict=weights), other)
    with pytest.raises(SystemExit, match='clustering: teacher.weights'):
        cluster(*arguments, config=config, checkpoint=str(other))
    with pytest.raises(SystemExit, match="not have the outputs of 'backbone'; "
                       'it has ModuleOutputs:head.fc, ModuleOutputs:neck'):
        cluster(*arguments, '--module', 'backbone', config=config)
    with pytest.raises(SystemExit, match='There is no teacher store in'):
        cluster('--out', tmp_path / 's.npz', '--teacher-store',
                tmp_path / 'none', config=config)
    checksums = np.load(
        next(folder.glob('*neck/checksums.npy')), mmap_mode='r+')
    checksums[0, 3:5] = 0
    checksums.flush()
    with pytest.raises(SystemExit, match='lacks 2 of 200 samples in view 0'):
        cluster(*arguments, config=config)
    assert not (tmp_path / 's.npz').exists()


def test_the_largest_logits_are_no_features(tmp_path):
    store = TeacherStore(StoreSettings(str(tmp_path / 'store'), 1), 4, {})
    store.add({'ModuleOutputs:fc': RecordLayout(0, [(10, )], top_k=3)})
    with pytest.raises(ValueError, match="only the 3 largest outputs of 'fc'"):
        copy_features(store, None, 'fc', 0, None)


class TestBadInput:

    @pytest.mark.parametrize('n', [-3, 0, 1, 201])
    def test_number(self, cluster, tmp_path, n):
        with pytest.raises(SystemExit, match='between 2 and 200'):
            cluster('--out', tmp_path / 's.npz', n=n)
        assert not list(tmp_path.iterdir())

    def test_module(self, cluster, tmp_path):
        with pytest.raises(
                SystemExit, match="no module 'necks'; near names: neck"):
            cluster('--out', tmp_path / 's.npz', '--module', 'necks')
        assert not list(tmp_path.iterdir())

    def test_place_that_cannot_be_written(self, cluster, tmp_path):
        (tmp_path / 'file').touch()
        (tmp_path / 'folder.npz').mkdir()
        for out, message in ((tmp_path / 'file' / 's.npz', 'cannot be writt'),
                             ('/proc/s.npz', 'cannot be written'),
                             (tmp_path / 's.txt', r'a file named \*.npz'),
                             (tmp_path / 'folder.npz', 'a file named')):
            with pytest.raises(SystemExit, match=message):
                cluster('--out', out)

    def test_nothing_is_overwritten(self, cluster, tmp_path):
        out = tmp_path / 's.npz'
        cluster('--out', out)
        before = out.read_bytes()
        for change in (['--seed', '1'], ['--module', 'backbone'],
                       ['--algorithm', 'minibatch']):
            with pytest.raises(
                    SystemExit, match='was made with other settings'):
                cluster('--out', out, *change)
        with pytest.raises(SystemExit, match='num_superclasses'):
            cluster('--out', out, n=5)
        other = tmp_path / 'minibatch.npz'
        cluster('--out', other, '--algorithm', 'minibatch')
        with pytest.raises(SystemExit, match='algorithm": "minibatch"'):
            cluster('--out', other)
        assert out.read_bytes() == before
        cluster('--out', out, '--overwrite', n=5)
        assert len(Superclasses.load(out).centroids) == 5
        out.write_bytes(b'my thesis')
        with pytest.raises(SystemExit, match='so it is left alone'):
            cluster('--out', out)
        assert out.read_bytes() == b'my thesis'

    def test_wrong_checkpoint(self, tmp_path):
        torch.save(dict(x=torch.zeros(1)), tmp_path / 'x.pth')
        result = subprocess.run([
            sys.executable, TOOL, TEACHER, tmp_path / 'x.pth',
            '--num-superclasses', '3', '--out', tmp_path / 's.npz'
        ],
                                capture_output=True,
                                text=True)
        assert result.returncode == 1
        assert 'does not fit the teacher' in result.stderr
        assert 'Traceback' not in result.stderr

    @pytest.mark.parametrize('prefix, message', [
        ('', r"other shape(.|\n)*It is the student's checkpoint, which fits "
         'the student exactly'),
        ('architecture.', 'is of a distillation.* tools/export_student.py'),
    ])
    def test_a_students_checkpoint(self, prefix, message, cluster, tmp_path):
        student = MODELS.build(Config.fromfile(CCKD).model.architecture)
        torch.save({
            prefix + name: tensor
            for name, tensor in student.state_dict().items()
        }, tmp_path / 'student.pth')
        with pytest.raises(SystemExit, match=message):
            cluster(
                '--out',
                tmp_path / 's.npz',
                config=CCKD,
                checkpoint=tmp_path / 'student.pth')

    def test_two_at_once(self, cluster, tmp_path, monkeypatch):
        monkeypatch.setattr(
            'mmcckd.superclasses.feature_file.SECONDS_TO_LOCK', 0.2)
        with open(tmp_path / '.features.lock', 'w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with pytest.raises(SystemExit, match='Another process is writing'):
                cluster('--out', tmp_path / 's.npz')
        cluster('--out', tmp_path / 's.npz')

    def test_seed(self, cluster, capsys):
        with pytest.raises(SystemExit):
            cluster('--seed', '-1')
        assert '--seed must be between 0 and' in capsys.readouterr().err

    def test_config_without_data(self, cluster, tmp_path):
        config = tmp_path / 'c.py'
        config.write_text(f'_base_ = {str(TEACHER)!r}\n'
                          'test_dataloader = None\nval_dataloader = None\n')
        with pytest.raises(SystemExit, match='neither a test_dataloader nor'):
            cluster('--out', tmp_path / 's.npz', config=config)
