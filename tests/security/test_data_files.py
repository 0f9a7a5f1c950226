"""Each reader of a file that a user may have got from somebody else, and a
file of its format that would leave a trace."""
import os
import pickle
import zipfile

import mmengine
import numpy as np
import pytest
import torch
import yaml
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS
from mmengine.runner import CheckpointLoader
from mmpretrain import datasets, get_model

from mmcckd.datasets.letters.letters_folder import LettersFolder
from mmcckd.datasets.superclass_file import Superclasses
from mmcckd.files.checkpoints import read_checkpoint
from mmcckd.studies.results_file import ResultsFile
from mmcckd.studies.study_file import Study
from mmcckd.superclasses.feature_file import FeatureFile
from mmcckd.teacher_store import TeacherStore
from tests.malicious import Trace


@pytest.fixture
def trace(tmp_path):
    trace = Trace(tmp_path)
    yield trace
    assert not trace.is_left


def payload(trace):
    """An array that NumPy stores as a pickle."""
    return np.array([trace], object)


@pytest.mark.parametrize('old_format', [False, True])
@pytest.mark.parametrize('load', [
    read_checkpoint,
    lambda path: CheckpointLoader.load_checkpoint(
        str(path), map_location='cpu', logger='silent'),
    lambda path: get_model('resnet18_8xb16_cifar10', pretrained=str(path)),
], ids=['read_checkpoint', 'CheckpointLoader', 'get_model'])
@pytest.mark.skipif(not hasattr(torch.serialization, 'add_safe_globals'),
                    reason="torch.load's own default is not safe")
def test_checkpoints(trace, tmp_path, load, old_format):
    path = tmp_path / 'evil.pth'
    content = dict(state_dict=dict(w=torch.ones(1)), meta=trace)
    torch.save(content, path, _use_new_zipfile_serialization=not old_format)
    with pytest.raises((ValueError, pickle.UnpicklingError), match='mkdir'):
        load(path)


def test_members_of_a_checkpoint_are_not_unpacked(trace, tmp_path):
    path = tmp_path / 'run/evil.pth'
    path.parent.mkdir()
    torch.save(dict(w=torch.ones(1)), path)
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr('../trace', 'outside of the folder')
    with pytest.raises(ValueError, match='not in a subdirectory'):
        read_checkpoint(path)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('name', ['labels', 'centroids', 'meta'])
def test_superclass_file(trace, tmp_path, name):
    path = tmp_path / 'superclasses.npz'
    arrays = dict(labels=np.zeros(4, np.int32), meta=np.array('{}'),
                  centroids=np.zeros((1, 2), np.float32))
    np.savez(path, **dict(arrays, **{name: payload(trace)}))
    with pytest.raises(ValueError, match='pickle, which is not read'):
        Superclasses.load(path)
    with open(path, 'wb') as file:
        pickle.dump(trace, file)
    with pytest.raises(ValueError):
        Superclasses.load(path)


def test_teacher_features(trace, tmp_path):
    job = dict(tmp_path='x')
    file = FeatureFile(tmp_path, job, 2, 'float32')
    np.save(file.path, payload(trace))
    with pytest.raises(ValueError, match='Python objects in dtype'):
        file.read()
    file.note.write_text('{"rows_done": 1, "unreadable": []}')
    with pytest.raises(ValueError):
        FeatureFile(tmp_path, job, 2, 'float32')


def test_letters(trace, tmp_path):
    for name in ('images.npy', 'labels.npy'):
        np.save(tmp_path / name, np.zeros(1))
    (tmp_path / 'letters.json').write_text('{"sha256": {}}')
    with pytest.raises(ValueError, match='is damaged'):
        LettersFolder.read(tmp_path)
    for name in ('images.npy', 'labels.npy'):
        np.save(tmp_path / name, payload(trace))
        with pytest.raises(ValueError, match='is damaged'):
            LettersFolder.read(tmp_path)


@pytest.mark.parametrize('name', [
    '/dev/zero', '../outside.npy', 'letters.json'
])
def test_letters_reads_its_own_files_only(tmp_path, name):
    for file in ('images.npy', 'labels.npy'):
        np.save(tmp_path / file, np.zeros(1))
    (tmp_path / 'letters.json').write_text(
        f'{{"sha256": {{"{name}": "x", "images.npy": "", "labels.npy": ""}}}}')
    with pytest.raises(ValueError, match='is damaged'):
        LettersFolder.read(tmp_path)


@pytest.mark.parametrize('dtype', ['O', 'object', 'V8', 'float32,O'])
def test_teacher_store(trace, tmp_path, dtype):
    """Objects in rows would be pointers."""
    folder = tmp_path / 'ModuleOutputs%3Ahead.fc'
    folder.mkdir()
    (tmp_path / 'store.json').write_text(
        '{"format": "mmcckd teacher store, version 1", "identity": '
        '{"views": 1, "seed": 0, "num_samples": 2}}')
    (folder / 'layout.json').write_text(
        f'{{"source": "x", "dtype": "{dtype}", "structure": 0, '
        '"shapes": [[1]], "top_k": null}')
    for name in ('rows.npy', 'checksums.npy'):
        np.save(folder / name, payload(trace))
    with pytest.raises(ValueError):
        store = TeacherStore.open(str(tmp_path))
        store.add(store.layouts)


@pytest.mark.parametrize('name', ['LocalCIFAR100', 'CIFAR10'])
def test_cifar(trace, tmp_path, name):
    """MMPretrain's own compares checksums first."""
    folder = tmp_path / ('cifar-100-python' if '100' in name else
                         'cifar-10-batches-py')
    folder.mkdir()
    for file in ('train', 'test', 'meta', 'batches.meta',
                 *(f'data_batch_{i}' for i in range(1, 6)), 'test_batch'):
        (folder / file).write_bytes(pickle.dumps(trace))
    with pytest.raises((ValueError, RuntimeError)):
        DATASETS.build(dict(type=name if 'Local' in name else
                            f'mmpretrain.{name}', data_root=str(tmp_path),
                            pipeline=[], download=False))


@pytest.mark.parametrize('suffix', ['pkl', 'pickle', 'yaml', 'yml'])
@pytest.mark.parametrize('kind', [BaseDataset, datasets.BaseDataset,
                                  datasets.MultiTaskDataset])
def test_annotations(trace, tmp_path, suffix, kind):
    path = tmp_path / f'annotations.{suffix}'
    content = dict(metainfo={}, data_list=[dict(x=trace, gt_label={})])
    path.write_bytes(
        pickle.dumps(content) if suffix.startswith('p') else
        f'metainfo: !!python/object/apply:os.mkdir ["{trace.path}"]'.encode())
    with pytest.raises((ValueError, yaml.YAMLError)):
        kind(str(path), pipeline=[])


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_plain_annotations_are_read(tmp_path, protocol):
    path = tmp_path / 'annotations.pkl'
    box = np.arange(4, dtype=np.float32)
    path.write_bytes(pickle.dumps(
        dict(metainfo={}, data_list=[dict(box=box, label=np.int64(3))]),
        protocol))
    sample = BaseDataset(str(path), data_prefix={}).get_data_info(0)
    assert type(sample['box']) is np.ndarray
    assert sample['box'].tolist() == [0, 1, 2, 3] and sample['label'] == 3
    with pytest.raises(FileNotFoundError):
        BaseDataset(str(tmp_path / 'none.pkl'), data_prefix={})


def test_yaml_files(trace, tmp_path):
    """Such as the subnets of MMRazor; what MMEngine writes is read."""
    path = tmp_path / 'subnet.yaml'
    for tag in ('object/apply:os.mkdir', 'object/new:os.mkdir'):
        path.write_text(f'a: !!python/{tag} ["{trace.path}"]')
        with pytest.raises(yaml.YAMLError):
            mmengine.load(path)
    for tag in ('name:os.mkdir', 'module:this'):
        path.write_text(f"a: !!python/{tag} ''")
        with pytest.raises(yaml.YAMLError):
            mmengine.load(path)
    content = dict(a=(1, 2.5), b=[None, 'x', (True, )])
    mmengine.dump(content, path)
    assert mmengine.load(path) == content


def test_study_results(trace, tmp_path):
    path = tmp_path / 'results.jsonl'
    for content in (pickle.dumps(trace, 0),
                    f'!!python/object/apply:os.mkdir ["{trace.path}"]\n'
                    .encode(), trace.code.encode() + b'\n'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='is damaged'):
            ResultsFile(path)


def test_study_file(trace, tmp_path):
    path = tmp_path / 'study.yml'
    path.write_text(f'title: !!python/object/apply:os.mkdir ["{trace.path}"]')
    with pytest.raises(ValueError, match='is not YAML'):
        Study.load(path, tmp_path)


def test_payloads_of_these_tests(tmp_path):
    """They do leave a trace where they are run."""
    trace = Trace(tmp_path)
    path = tmp_path / 'evil.npy'
    np.save(path, payload(trace))
    text = f'!!python/object/apply:os.mkdir ["{trace.path}"]'
    for load in (lambda: np.load(path, allow_pickle=True),
                 lambda: yaml.unsafe_load(text)):
        load()
        assert trace.is_left
        os.rmdir(trace.path)
