"""The data set that reads the drawings, on few characters and faces."""
import json
import shutil

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATASETS, METRICS

from mmcckd.datasets import CURSampler, Letters
from mmcckd.datasets.fingerprint import fingerprint_dataset
from mmcckd.datasets.letters import make_letters
from mmcckd.datasets.letters.letters_folder import LettersFolder
from mmcckd.datasets.repeatable_views import RepeatableViews
from mmcckd.datasets.sample_image import load_image

CLASSES, UNSEEN, TRAIN_FACES = 20, 5, 5


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('letters')
    (folder / 'characters.txt').write_text('ABDEFGHJKLMNPQRTUVWY2345679Ж')
    make_letters(
        folder / 'data',
        characters=str(folder / 'characters.txt'),
        num_classes=CLASSES,
        num_unseen=UNSEEN,
        train_faces=TRAIN_FACES,
        test_faces=7)
    return str(folder / 'data')


def read(root):
    with open(f'{root}/letters.json', encoding='utf-8') as file:
        return json.load(file)


def samples(dataset):
    """Image and label of each sample."""
    infos = (dataset.get_data_info(i) for i in range(len(dataset)))
    return {(info['img'].tobytes(), info['gt_label']) for info in infos}


def images(dataset):
    return {image for image, _ in samples(dataset)}


def test_splits_are_disjoint_by_character_and_by_face(root):
    facts = read(root)
    for parts, number in ((facts['classes_of'], len(facts['classes'])),
                          (facts['faces_of'], len(facts['faces']))):
        members = [member for part in parts.values() for member in part]
        assert sorted(members) == list(range(number))
    sets = [Letters(root, split) for split in ('train', 'val', 'test')]
    sets += [Letters(root, split, task='retrieval')
             for split in ('val', 'test')]
    sets += [Letters(root, split, classes='other')
             for split in ('train', 'val', 'test')]
    all_images = [image for dataset in sets for image in images(dataset)]
    assert len(all_images) == len(set(all_images)) == sum(map(len, sets))


def test_recognition(root):
    facts = read(root)
    dataset = Letters(root)
    assert sorted(set(dataset.get_gt_labels())) == list(range(CLASSES))
    assert dataset.metainfo['classes'] == tuple(
        facts['classes'][label]
        for label in sorted(facts['classes_of']['train']))
    info = dataset[0]
    assert info['img'].shape == (32, 32) and info['img'].dtype == np.uint8
    assert 'Task: \trecognition' in repr(dataset)
    assert Letters(root, classes='other').metainfo['classes'] == tuple(
        facts['classes'][label]
        for label in sorted(facts['classes_of']['other']))


def test_labels_of_a_data_set_that_is_not_loaded_yet(root):
    labels = Letters(root, lazy_init=True).get_gt_labels()
    assert (labels == Letters(root).get_gt_labels()).all()


def test_a_folder_without_other_classes(root, tmp_path):
    folder = tmp_path / 'data'
    shutil.copytree(root, folder)
    facts = read(root)
    facts['classes_of']['other'] = []
    (folder / 'letters.json').write_text(json.dumps(facts), encoding='utf-8')
    with pytest.raises(ValueError, match='has no other classes than those'):
        Letters(str(folder), classes='other')


def test_a_sample_can_be_changed_in_place(root):
    dataset = Letters(root)
    before = dataset.get_data_info(3)['img'].copy()
    dataset.get_data_info(3)['img'][:] = 7
    assert (dataset.get_data_info(3)['img'] == before).all()


def test_fewer_faces_and_samples_are_among_more(root):
    for name in ('num_faces', 'samples_per_class'):
        sets = [samples(Letters(root, **{name: n})) for n in (1, 2, 4)]
        sets.append(samples(Letters(root)))
        assert all(few < more for few, more in zip(sets, sets[1:]))
    counts = np.bincount(Letters(root, samples_per_class=2).get_gt_labels())
    assert counts.tolist() == [2] * CLASSES
    one = samples(Letters(root, samples_per_class=2, seed=0))
    other = samples(Letters(root, samples_per_class=2, seed=1))
    assert one != other


def test_classes_without_training_samples(root, tmp_path, log):
    """No class but one is in the first training face."""
    folder = tmp_path / 'data'
    facts = read(root)
    images, labels = (np.load(f'{root}/{n}.npy') for n in ('images', 'labels'))
    face = labels[:, 1] == facts['faces_of']['train'][0]
    train = np.isin(labels[:, 0], facts['classes_of']['train'])
    one = labels[:, 0] == labels[face & train][0, 0]
    kept = ~face | ~train | one
    LettersFolder(images[kept], labels[kept], facts).write(folder)
    Letters(str(folder))
    assert not log.records
    assert len(Letters(str(folder), num_faces=1)) == 1
    assert f'{CLASSES - 1} of {CLASSES} classes of' in log.text
    assert 'have no training sample' in log.text


def test_imbalance(root):
    sets = [Letters(root, imbalance=i) for i in (1, 5, 5, 50)]
    counts = [np.bincount(dataset.get_gt_labels()) for dataset in sets]
    assert (counts[1].max(), counts[1].min()) == (TRAIN_FACES, 1)
    assert (counts[1] == counts[2]).all()
    assert len(set(counts[1].tolist())) > 2
    assert counts[3].min() == 1  # no class is without samples
    assert samples(sets[1]) < samples(sets[0])
    other = Letters(root, imbalance=5, seed=1).get_gt_labels()
    assert (np.bincount(other) != counts[1]).any()


def test_label_noise(root):
    clean = Letters(root)
    noisy, again, other = (
        Letters(root, label_noise=0.2, seed=seed) for seed in (0, 0, 1))
    assert images(noisy) == images(clean)
    wrong = noisy.get_gt_labels() != clean.get_gt_labels()
    assert wrong.sum() == round(0.2 * len(clean))
    assert (noisy.get_gt_labels() == again.get_gt_labels()).all()
    assert (noisy.get_gt_labels() != other.get_gt_labels()).any()
    assert set(noisy.get_gt_labels()) <= set(range(CLASSES))


@pytest.mark.parametrize('split', ['val', 'test'])
def test_each_query_has_a_match_in_another_face(root, split):
    facts = read(root)
    dataset = Letters(root, split, task='retrieval')
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert {i['gt_label'] for i in infos} <= set(facts['classes_of']['unseen'])
    assert {i['camera_id'] for i in infos} <= set(facts['faces_of'][split])
    queries = [i for i in infos if i['is_query']]
    assert {q['gt_label'] for q in queries} == {i['gt_label'] for i in infos}
    for query in queries:
        assert any(i['gt_label'] == query['gt_label'] and not i['is_query'] and
                   i['camera_id'] != query['camera_id'] for i in infos)


def test_retrieval_fits_the_metric_of_re_identification(root):
    dataset = Letters(root, 'test', task='retrieval')
    metric = METRICS.build(dict(type='ReIDMetric'))
    results = []
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        one_hot = np.eye(100)[info['gt_label']]
        results.append((one_hot, info['gt_label'], info['camera_id'],
                        info['is_query']))
    assert metric.compute_metrics(results)['mAP'] == 1


def test_works_with_the_rest_of_the_package(root):
    pipeline = [
        dict(type='RandomCrop', crop_size=32, padding=4),
        dict(type='PackInputs')
    ]
    dataset = DATASETS.build(
        dict(type='Letters', data_root=root, pipeline=pipeline))
    assert dataset[0]['inputs'].shape == (1, 32, 32)
    views = RepeatableViews(dataset, 2)
    one, again = (views.load([5], view=1)[0] for _ in range(2))
    assert (one['inputs'] == again['inputs']).all()
    found = fingerprint_dataset(dataset)
    assert found['num_samples'] == len(dataset)
    assert found == fingerprint_dataset(Letters(root))
    assert found != fingerprint_dataset(Letters(root, num_faces=2))
    assert load_image(dataset, 0).shape == (32, 32)
    batch = next(iter(CURSampler(DefaultSampler(dataset, seed=0), 8, 4)))
    assert len(set(dataset.get_gt_labels()[batch])) == 2
    assert len(Letters(root, indices=10)) == 10


@pytest.mark.parametrize('settings, error, message', [
    (dict(split='dev'), ValueError, "split must be one of.*'dev'"),
    (dict(task='reading'), ValueError, "task must be one of.*'reading'"),
    (dict(classes='unseen'), ValueError, "classes must be one of.*'unseen'"),
    (dict(num_faces=6), ValueError, 'num_faces=6, but the train .*has 5'),
    (dict(num_faces=0), ValueError, 'num_faces must be at least 1'),
    (dict(num_faces=True), TypeError, 'num_faces must be an int'),
    (dict(samples_per_class=1.5), TypeError, 'per_class must be an int'),
    (dict(imbalance=0.5), ValueError, 'imbalance must be at least 1'),
    (dict(imbalance='50'), TypeError, "imbalance must be a number.*'50'"),
    (dict(label_noise=1), ValueError, 'label_noise must be .* less than 1'),
    (dict(seed=-1), ValueError, 'seed must be at least 0'),
    (dict(seed=None), TypeError, 'seed must be an int'),
    (dict(task='retrieval'), ValueError, 'split must be "val" or "test"'),
    (dict(task='retrieval', split='test', num_faces=2), ValueError,
     'num_faces is for recognition only'),
])
def test_wrong_arguments(root, settings, error, message):
    with pytest.raises(error, match=message):
        Letters(root, **settings)


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='make_letters.py .*missing'):
        Letters(str(tmp_path / 'missing'))


@pytest.mark.parametrize('name', ['images.npy', 'labels.npy', 'letters.json'])
@pytest.mark.parametrize('damage', [
    lambda content: content[:-100], lambda content: b'',
    lambda content: content[:-1] + b'\x07'
], ids=['shorter', 'empty', 'another byte'])
def test_damaged_files(root, tmp_path, name, damage):
    folder = tmp_path / 'data'
    shutil.copytree(root, folder)
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match='damaged.*Delete the folder'):
        Letters(str(folder))


@pytest.mark.parametrize('change', [
    dict(sha256={}), dict(sha256=[]), dict(classes=3), dict(classes=[1]),
    dict(classes_of=dict(train=[0])), dict(faces_of={}),
    dict(classes_of=dict(train=[10**6], unseen=[], other=[])),
    dict(faces_of=dict(train=['0'], val=[], test=[])),
    dict(faces_of=dict(train={}, val=[], test=[])), dict(classes={})
])
def test_facts_of_another_form(root, tmp_path, change):
    folder = tmp_path / 'data'
    shutil.copytree(root, folder)
    facts = json.loads((folder / 'letters.json').read_text('utf-8'))
    (folder / 'letters.json').write_text(json.dumps(dict(facts, **change)))
    with pytest.raises(ValueError, match='damaged.*Delete the folder'):
        Letters(str(folder))


@pytest.mark.parametrize('text', ['[]', '[' * 100_000])
def test_json_of_something_else(root, tmp_path, text):
    folder = tmp_path / 'data'
    shutil.copytree(root, folder)
    (folder / 'letters.json').write_text(text)
    with pytest.raises(ValueError, match='damaged'):
        Letters(str(folder))
