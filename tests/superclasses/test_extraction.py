"""Features of a real teacher and real files, against a plain loop."""
import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.registry import DefaultScope
from mmengine.runner import save_checkpoint
from mmpretrain.datasets import CustomDataset
from mmpretrain.models import ClsDataPreprocessor, build_classifier

from mmcckd.datasets import Digits
from mmcckd.superclasses import FeatureFile, extract_features
from mmcckd.superclasses import feature_file as feature_file_module
from mmcckd.superclasses.extraction_config import build_teacher
from mmcckd.superclasses.recorded_feature import (
    recorded_module,
    select_feature,
)

ROOT = Path(__file__).parent.parent.parent

PIPELINE = [dict(type='mmpretrain.PackInputs')]


TEACHER = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        in_channels=1,
        stem_channels=4,
        base_channels=4,
        num_stages=2,
        strides=(1, 2),
        dilations=(1, 1),
        out_indices=(1, )),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=8))


def make_teacher(in_channels=1):
    torch.manual_seed(0)
    teacher = copy.deepcopy(TEACHER)
    teacher['backbone']['in_channels'] = in_channels
    return build_classifier(teacher).eval()


PREPROCESSOR = ClsDataPreprocessor(mean=[78], std=[96], to_rgb=False)


def extract(dataset, folder, dtype='float32', teacher=None, **kwargs):
    file = FeatureFile(folder, {}, len(dataset), dtype)
    extract_features(teacher or make_teacher(), PREPROCESSOR, dataset, file,
                     **dict(dict(batch_size=7), **kwargs))
    return file


@torch.no_grad()
def reference(dataset, teacher):
    rows = []
    for i in range(len(dataset)):
        image = (dataset[i]['inputs'][None].float() - 78) / 96
        x = teacher.neck(teacher.backbone(image))[0][0].numpy()
        rows.append(x / np.linalg.norm(x))
    return np.stack(rows)


@pytest.mark.parametrize('dtype, atol', [('float32', 1e-6),
                                         ('float16', 1e-3)])
@pytest.mark.parametrize('num_workers', [0, 2])
def test_features_of_the_neck(dtype, atol, num_workers, tmp_path):
    dataset = Digits(samples_per_class=3, pipeline=PIPELINE)
    features = extract(
        dataset, tmp_path, dtype, num_workers=num_workers).read()
    assert isinstance(features, np.memmap) and features.dtype == dtype
    expected = reference(dataset, make_teacher())
    assert features.shape == expected.shape
    assert np.allclose(features, expected, atol=atol)


def test_another_module_and_several_outputs(tmp_path):
    dataset = Digits(samples_per_class=1, pipeline=PIPELINE)
    teacher = make_teacher()
    whole = extract(dataset, tmp_path / 'a', module='backbone',
                    teacher=teacher, data_idx=0).read()
    assert whole.shape == (10, 8 * 4 * 4)
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    # The hook is gone.
    assert not teacher.backbone._forward_hooks


def test_no_gradient_and_no_change_of_the_teacher(tmp_path):
    teacher = make_teacher()
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    extract(Digits(samples_per_class=1, pipeline=PIPELINE), tmp_path,
            teacher=teacher)
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(p.grad is None for p in teacher.parameters())


@pytest.mark.parametrize('wrap', [
    lambda d: ConcatDataset([d, d]), lambda d: RepeatDataset(d, 2)
], ids=['concat', 'repeat'])
def test_wrapped_datasets(wrap, tmp_path):
    dataset = Digits(samples_per_class=1, pipeline=PIPELINE)
    features = extract(wrap(dataset), tmp_path).read()
    expected = reference(dataset, make_teacher())
    assert np.allclose(features, np.tile(expected, (2, 1)), atol=1e-6)


class Counting(Digits):
    """A dataset that counts loaded samples, and interrupts at a given one."""
    loaded, stop_at = (), None

    def __getitem__(self, idx):
        if idx == self.stop_at:
            raise KeyboardInterrupt
        self.loaded = (*self.loaded, idx)
        return super().__getitem__(idx)


def test_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_file_module, 'SECONDS_BETWEEN_NOTES', 0)
    dataset = Counting(samples_per_class=3, pipeline=PIPELINE)
    undisturbed = extract(dataset, tmp_path / 'a').path.read_bytes()
    dataset.stop_at, dataset.loaded = 23, ()
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, tmp_path / 'b')
    assert dataset.loaded == tuple(range(23))
    dataset.stop_at, dataset.loaded = None, ()
    assert extract(dataset, tmp_path / 'b').path.read_bytes() == undisturbed
    assert dataset.loaded == tuple(range(21, 30))  # from the last whole batch
    dataset.loaded = ()
    assert extract(dataset, tmp_path / 'b').path.read_bytes() == undisturbed
    assert dataset.loaded == ()


def test_another_job_gets_another_file(tmp_path):
    jobs = [
        FeatureFile(tmp_path, dict(module=m), n, d).path
        for m in ('neck', 'fc') for n in (5, 6) for d in ('float16', 'float32')
    ]
    assert len(set(jobs)) == len(jobs)
    assert FeatureFile(tmp_path, dict(module='fc'), 6,
                       'float32').path == jobs[-1]


@pytest.fixture
def folder(tmp_path):
    """20 images of two classes, two of which are no images."""
    rng = np.random.default_rng(0)
    for i in range(20):
        path = tmp_path / 'images' / 'ab'[i % 2] / f'{i:02d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(256, size=(8, 8), dtype=np.uint8))
    for name in ('a/04.png', 'b/11.png'):
        (tmp_path / 'images' / name).write_bytes(b'no image')
    return tmp_path / 'images'


def images(folder):
    return CustomDataset(
        data_prefix=str(folder),
        pipeline=[
            dict(
                type='mmpretrain.LoadImageFromFile',
                color_type='grayscale',
                imdecode_backend='cv2'), *PIPELINE
        ])


@pytest.mark.parametrize('num_workers', [0, 2])
def test_unreadable_images_are_named_and_counted(folder, tmp_path,
                                                 num_workers):
    dataset = images(folder)
    with pytest.raises(ValueError) as error:
        extract(dataset, tmp_path, num_workers=num_workers)
    message = str(error.value)
    assert '2 of 20 images cannot be read' in message
    for name in ('a/04.png', 'b/11.png'):
        assert f'{folder / name}: ' in message
    assert '--skip-unreadable' in message

    # Mended, they alone are read again, with the rest of their batches.
    for name in ('a/04.png', 'b/11.png'):
        (folder / name).write_bytes((folder / 'a/00.png').read_bytes())
    file = extract(dataset, tmp_path)
    assert file.unreadable == []
    assert np.allclose(
        file.read(), reference(dataset, make_teacher()), atol=1e-6)


def test_skipped_images(folder, tmp_path):
    dataset = images(folder)
    file = extract(dataset, tmp_path, skip_unreadable=True, batch_size=1)
    names = [dataset.get_data_info(i)['img_path'] for i in file.unreadable]
    assert [n[-8:] for n in names] == ['a/04.png', 'b/11.png']
    norms = np.linalg.norm(file.read(), axis=1)
    assert np.flatnonzero(norms == 0).tolist() == file.unreadable
    note = json.loads(file.note.read_text())
    assert note['rows_done'] == 20 and note['unreadable'] == file.unreadable


def test_a_wrong_path_stops_early(folder, tmp_path, monkeypatch):
    monkeypatch.setattr('mmcckd.superclasses.extraction.MAX_UNREADABLE', 5)
    for path in folder.rglob('*.png'):
        path.write_bytes(b'')
    with pytest.raises(ValueError, match='7 of 20 images cannot be read'):
        extract(images(folder), tmp_path)


def test_a_first_batch_without_a_readable_image(folder, tmp_path):
    dataset = images(folder)
    first = [dataset.get_data_info(i)['img_path'] for i in range(3)]
    sound = (folder / 'a/00.png').read_bytes()
    for path in first:
        Path(path).write_bytes(b'')
    file = extract(dataset, tmp_path, skip_unreadable=True, batch_size=3)
    assert file.unreadable[:3] == [0, 1, 2] and len(file.unreadable) == 4
    assert file.read().shape == (20, 8)
    for path in file.unreadable:
        Path(dataset.get_data_info(path)['img_path']).write_bytes(sound)
    file = extract(dataset, tmp_path, batch_size=3)
    assert file.unreadable == []
    assert np.allclose(
        file.read(), reference(dataset, make_teacher()), atol=1e-6)


def test_a_wrong_path_then_the_right_one(folder, tmp_path, monkeypatch):
    monkeypatch.setattr('mmcckd.superclasses.extraction.MAX_UNREADABLE', 5)
    dataset = images(folder)
    sound = (folder / 'a/00.png').read_bytes()
    for path in folder.rglob('*.png'):
        path.write_bytes(b'')
    for _ in range(2):
        with pytest.raises(ValueError, match='7 of 20 images cannot be read'):
            extract(dataset, tmp_path)
    for path in folder.rglob('*.png'):
        path.write_bytes(sound)
    file = extract(dataset, tmp_path)
    assert file.unreadable == [] and file.rows_done == 20
    assert np.linalg.norm(file.read(), axis=1) == pytest.approx(1)


def test_a_stale_note_vouches_for_nothing(tmp_path):
    dataset = Counting(samples_per_class=3, pipeline=PIPELINE)
    file = extract(dataset, tmp_path)
    file.path.unlink()
    dataset.stop_at = 23
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, tmp_path)
    dataset.stop_at = None
    features = extract(dataset, tmp_path).read()
    assert np.linalg.norm(features, axis=1) == pytest.approx(1)


class TestBadInput:
    dataset = Digits(samples_per_class=1, pipeline=PIPELINE)

    def test_module_that_does_not_exist(self, tmp_path):
        with pytest.raises(
                ValueError,
                match="The teacher, a ImageClassifier, has no module 'nekc'; "
                'near names: neck'):
            extract(self.dataset, tmp_path, module='nekc')
        with pytest.raises(ValueError, match='near names: .*backbone, neck'):
            extract(self.dataset, tmp_path, module='zzz')

    def test_module_that_is_not_used(self, tmp_path):
        with pytest.raises(ValueError, match='uses its module .* 0 times,'):
            extract(self.dataset, tmp_path, module='head.loss_module')

    def test_call_that_does_not_happen(self, tmp_path):
        with pytest.raises(ValueError, match='1 times, but call no. 1 is as'):
            extract(self.dataset, tmp_path, record_idx=1)

    def test_no_image_at_all(self, folder, tmp_path):
        for path in folder.rglob('*.png'):
            path.write_bytes(b'')
        with pytest.raises(ValueError, match='(?s)20 of 20 .*Check the paths'):
            extract(images(folder), tmp_path, skip_unreadable=True)

    def test_nan(self, tmp_path):
        teacher = make_teacher()
        teacher.backbone.conv1.weight.data[0] = float('nan')
        with pytest.raises(
                ValueError, match='NaN or infinite features for sample 0, 1'):
            extract(self.dataset, tmp_path, teacher=teacher)

    def test_no_room_on_the_disk(self, tmp_path, monkeypatch):

        def full(*_):
            raise OSError(28, 'No space left on device')

        monkeypatch.setattr('os.posix_fallocate', full)
        with pytest.raises(
                OSError, match='Not enough space for the .* give --out on'):
            extract(self.dataset, tmp_path)
        assert not list(tmp_path.glob('*.npy'))


@pytest.mark.parametrize('run', ['the run', 'the student'])
def test_a_teacher_of_other_images_than_the_run(run, tmp_path):
    """Its features are those of the images that it expects."""
    teacher = make_teacher()
    save_checkpoint(
        dict(state_dict=teacher.state_dict()), str(tmp_path / 't.pth'))
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    cfg.model.teacher = dict(
        TEACHER, data_preprocessor=dict(
            type='mmpretrain.ClsDataPreprocessor', mean=[78], std=[96]))
    other = dict(
        type='mmpretrain.ClsDataPreprocessor', mean=[10], std=[200])
    cfg.data_preprocessor = other if run == 'the run' else None
    if run == 'the student':
        cfg.model.architecture.data_preprocessor = other
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built, preprocessor = build_teacher(cfg, str(tmp_path / 't.pth'))
    assert preprocessor.mean.item() == 10
    dataset = Digits(split='test', pipeline=PIPELINE)
    file = FeatureFile(tmp_path, {}, len(dataset), 'float32')
    extract_features(built, preprocessor, dataset, file, batch_size=64)
    np.testing.assert_allclose(
        file.read(), reference(dataset, teacher), atol=1e-5)


def with_cc(kind='ModuleOutputs', source='backbone', connectors=()):
    """The config of a distillation whose CC loss compares a teacher's map."""
    kernel = dict(type='mmrazor.GaussianRBFKernelConnector')
    record = dict(
        recorder='f',
        connector='t',
        data_idx=0 if kind == 'ModuleInputs' else None)  # the first argument
    distiller = dict(
        teacher_recorders=dict(f=dict(type=kind, source=source)),
        connectors=dict(t=[*connectors, kernel]),
        distill_losses=dict(loss_cc=dict(type='CorrelationCongruenceLoss')),
        loss_forward_mappings=dict(loss_cc=dict(preds_T=record)))
    return Config(dict(model=dict(distiller=distiller)))


@pytest.mark.parametrize('kind, source, connectors', [
    ('ModuleOutputs', 'backbone', [dict(type='mmrazor.PoolConnector')]),
    ('ModuleInputs', 'neck', [dict(type='PoolConnector', level='all')]),
    ('ModuleOutputs', 'neck', []),
    ('ModuleInputs', 'head', []),
])
def test_features_that_the_loss_compares(kind, source, connectors, tmp_path):
    """A pooled map is clustered, not all its entries."""
    recorded = recorded_module(with_cc(kind, source, connectors))
    assert recorded.get('inputs', False) == (kind == 'ModuleInputs')
    dataset = Digits(samples_per_class=1, pipeline=PIPELINE)
    file = extract(dataset, tmp_path, **recorded)
    np.testing.assert_allclose(
        file.read(), reference(dataset, make_teacher()), atol=1e-6)


def test_connectors_after_which_features_are_taken():
    """Up to a projection, which has weights of the run."""
    token = dict(type='TokenConnector', pool='cls')
    projection = dict(type='TorchNNConnector', module_name='Linear')
    recorded = recorded_module(with_cc(connectors=[token, projection, token]))
    assert recorded == dict(
        module='backbone', record_idx=0, data_idx=None, connectors=[token])
    assert 'connectors' not in recorded_module(with_cc())
    tokens = torch.rand(3, 4, 5)
    assert torch.equal(
        select_feature(tokens, None, recorded['connectors']), tokens[:, 0])
    with pytest.raises(ValueError, match='compares positions of maps, but cl'):
        recorded_module(with_cc(connectors=[dict(type='PositionConnector')]))
