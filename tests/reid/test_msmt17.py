import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATASETS

from mmcckd.datasets import CURSampler, SURSampler
from mmcckd.reid import MSMT17
from mmcckd.superclasses import Superclasses, fingerprint_dataset

LISTS = dict(
    train=[(3, 1), (3, 15), (7, 2), (7, 2)],
    val=[(3, 2), (5, 4)],
    query=[(0, 1), (3, 2)],
    gallery=[(0, 3), (0, 1), (3, 4), (9, 1)])


def write(root, lists=LISTS, folders=('train', 'test')):
    """Files with the names of MSMT17's, of (person, camera), but empty."""
    for part, images in lists.items():
        lines = []
        for i, (person, camera) in enumerate(images):
            name = f'{person:04d}/{person:04d}_{i:03d}_{camera:02d}' \
                   f'_0303morning_{len(part):04d}_0{"_ex" * (i % 2)}.jpg'
            path = root / folders[part in ('query', 'gallery')] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            lines.append(f'{name} {person}\n')
        (root / f'list_{part}.txt').write_text(''.join(lines))
    return root


@pytest.fixture
def root(tmp_path):
    return write(tmp_path)


def samples(*args, **kwargs):
    dataset = MSMT17(*map(str, args), **kwargs)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info.pop('sample_idx') for info in infos] == list(
        range(len(infos)))
    return dataset, infos


def fails(error, message, root, split='train', **kwargs):
    with pytest.raises(error, match=message) as caught:
        MSMT17(str(root), split, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize('inner, folders', [
    ('', ('train', 'test')),
    ('', ('mask_train_v2', 'mask_test_v2')),
    ('MSMT17_V1', ('train', 'test')),
    ('MSMT17_V2', ('mask_train_v2', 'mask_test_v2')),
    ('MSMT17_V2', ('train', 'test')),
])
def test_samples(inner, folders, tmp_path):
    (tmp_path / inner).mkdir(exist_ok=True)
    root = write(tmp_path / inner, folders=folders)
    dataset, train = samples(tmp_path)
    assert dataset.metainfo['classes'] == ('0003', '0007')
    assert [Path(info.pop('img_path')).name for info in train] == [
        '0003_000_01_0303morning_0005_0.jpg',
        '0003_001_15_0303morning_0005_0_ex.jpg',
        '0007_002_02_0303morning_0005_0.jpg',
        '0007_003_02_0303morning_0005_0_ex.jpg'
    ]
    assert train == [
        dict(gt_label=0, camera_id=1), dict(gt_label=0, camera_id=15),
        dict(gt_label=1, camera_id=2), dict(gt_label=1, camera_id=2)]
    assert dataset.get_gt_labels().tolist() == [0, 0, 1, 1]

    _, test = samples(tmp_path, 'test')
    for info in test:
        path = Path(info.pop('img_path'))
        assert path.is_file() and path.parent.parent == root / folders[1]
    assert test == [
        dict(gt_label=person, camera_id=camera, is_query=part == 'query')
        for part in ('query', 'gallery') for person, camera in LISTS[part]]


def test_train_on(root):
    dataset, both = samples(root, train_on='train+val')
    assert dataset.metainfo['classes'] == ('0003', '0005', '0007')
    assert [info['gt_label'] for info in both] == [0, 0, 2, 2, 0, 1]
    assert [info['camera_id'] for info in both] == [1, 15, 2, 2, 2, 4]
    assert 'Trained on: \ttrain+val' in repr(dataset)
    _, train = samples(root)
    assert [info['img_path'] for info in both[:4]] == [
        info['img_path'] for info in train]
    assert samples(root, 'test')[1] == samples(
        root, 'test', train_on='train+val')[1]


def test_is_registered_and_takes_what_data_sets_take(root, monkeypatch):
    cfg = dict(type='MSMT17', data_root=str(root), indices=3, lazy_init=True)
    dataset = DATASETS.build(cfg)
    assert 'initialized' in repr(dataset)
    dataset.full_init()
    assert len(dataset) == 3 and 'Split: \ttrain' in repr(dataset)
    monkeypatch.setenv('HOME', str(root.parent))
    assert len(MSMT17(f'~/{root.name}')) == 4
    monkeypatch.chdir(root)
    assert len(MSMT17('')) == len(MSMT17('.')) == 4


def test_blank_lines_and_windows_line_ends(root):
    path = root / 'list_train.txt'
    path.write_bytes(path.read_bytes().replace(b'\n', b'\r\n') + b'\r\n \n')
    assert len(MSMT17(str(root))) == 4


def test_toy_data(toy_msmt17):
    dataset, train = samples(toy_msmt17)
    labels = dataset.get_gt_labels()
    assert set(labels) == set(range(60))
    assert np.bincount(labels).min() == 2
    assert dataset.metainfo['classes'][59] == '0059'
    _, test = samples(toy_msmt17, 'test')
    query = [info for info in test if info['is_query']]
    assert test[:len(query)] == query
    assert {info['gt_label'] for info in query} == set(range(40))
    for info in train + test:
        path = Path(info['img_path'])
        assert path.parts[-3] == ('test' if info in test else 'train')
        person, _, camera = path.name.split('_')[:3]
        assert int(camera) == info['camera_id']
        assert int(person) == info['gt_label']


def test_cur_and_sur_samplers(toy_msmt17, tmp_path):
    dataset = MSMT17(toy_msmt17)
    labels = dataset.get_gt_labels()
    assert np.bincount(labels).min() < 4  # some repeat their images
    seen = set()
    for batch in CURSampler(DefaultSampler(dataset, seed=1), 64, 4):
        _, counts = np.unique(labels[batch], return_counts=True)
        assert counts.tolist() == [4] * 16
        seen |= set(batch)
    assert set(labels[list(seen)]) == set(range(60))

    clusters = labels % 20
    path = str(tmp_path / 'superclasses.npz')
    origin = dict(dataset=fingerprint_dataset(dataset))
    Superclasses(clusters, np.zeros((20, 2)), origin).save(path)
    sampler = SURSampler(DefaultSampler(dataset, seed=1), 64, path)
    for batch in sampler:
        assert np.unique(clusters[batch]).size == 16
    with pytest.raises(ValueError, match='dataset'):
        other = MSMT17(toy_msmt17, train_on='train+val')
        SURSampler(DefaultSampler(other), 64, path)


@pytest.mark.parametrize('root', ['none', '~/none'])
def test_missing_root(root, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    message = fails(FileNotFoundError,
                    'MSMT17 cannot .*none.: there is no such fold', root)
    for line in ('    MSMT17_V1/ (or MSMT17_V2/, or their contents without '
                 'this folder)', '      train/ (in V2 mask_train_v2/)',
                 '          0000_000_01_0303morning_0008_0.jpg, …',
                 '  python tools/make_toy_dataset.py msmt17 FOLDER'):
        assert line in message.splitlines()
    assert '--cfg-options train_dataloader.dataset.data_root=' in message


def test_wrong_layout(root):
    (root / 'list_query.txt').unlink()
    fails(FileNotFoundError, re.escape(
        f'there is no {root}/list_query.txt; {root} has list_gallery.txt, '
        'list_train.txt, list_val.txt, test, train.'), root, 'test')
    (root / 'test').rename(root / 'bounding_box_test')
    fails(FileNotFoundError, f'there is no {root}/test; {root} has boun', root)
    (root / 'train').rename(root / 'bounding_box_train')
    fails(FileNotFoundError, f'no {root}/MSMT17_V1; {root} has bounding_box_t',
          root)
    (root / 'empty').mkdir()
    fails(FileNotFoundError, 'empty has no entries', root / 'empty')


def test_both_versions(tmp_path):
    for name in ('MSMT17_V1', 'MSMT17_V2'):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    fails(ValueError, 'more than one MSMT17 at .*MSMT17_V1/train and .*/MSMT17'
          '_V2/train. Give the data_root of one', tmp_path)
    assert len(MSMT17(str(tmp_path / 'MSMT17_V2'))) == 4


def test_missing_images(root):
    files = sorted((root / 'train/0003').iterdir())
    files[0].unlink()
    message = fails(
        FileNotFoundError, 'list_train.txt names 4 images, of which 1 are not '
        f'in {root}/train: 0003/{files[0].name}. Unpack', root)
    assert 'swapped' not in message
    for path in (root / 'train').rglob('*.jpg'):
        path.unlink()
    (root / 'train/0007').rmdir()
    message = fails(FileNotFoundError, 'of which 4 are not in .*train: 0003',
                    root)
    assert message.count('.jpg') == 3 and ', …. Unpack' in message


@pytest.mark.parametrize('line', [
    '0003/0003_000_01_0303morning_0008_0.jpg',
    '0003/0003_000_01_0303morning_0008_0.jpg three',
    '0003/0003_000_01_0303morning_0008_0.jpg -1',
    '0003/0003_000_01_0303morning_0008_0.jpg,3',
    '0003_000_01_0303morning_0008_0.jpg 3',
    '3',
    '\0\xff',
    '0003/0003_000_01_0303morning_0008_0.jpg ' + '9' * 5000,
    '٣/0003_000_01_0303morning_0008_0.jpg ٣',
])
def test_malformed_line(line, root):
    with open(root / 'list_gallery.txt', 'a') as file:
        file.write(line + '\n')
    fails(ValueError, 'Line 5 of .*list_gallery.txt, .* is not a path, a space'
          ' and the number of the person, such as "0000/', root, 'test')


def test_an_image_that_is_listed_twice(root):
    path = root / 'list_gallery.txt'
    first = path.read_text().splitlines()[0]
    path.write_text(path.read_text() + first + '\n')
    fails(ValueError, 'list_gallery.txt: 1 of 4 images are listed more than '
          f'once: .*{first.split()[0]}. Remove', root, 'test')
    path = root / 'list_val.txt'
    first = (root / 'list_train.txt').read_text().splitlines()[0]
    path.write_text(path.read_text() + first + '\n')
    fails(ValueError, 'list_train.txt and .*list_val.txt: 1 of 6 images are '
          'listed more', root, train_on='train+val')


def test_a_label_that_contradicts_the_folder(root):
    path = root / 'list_train.txt'
    path.write_text(path.read_text().replace('.jpg 7', '.jpg 6', 1))
    fails(ValueError, r'Line 3 of .*list_train.txt, .* is for person 6, but '
          'the image is in the folder of person 0007', root)


@pytest.mark.parametrize('name', ['0003_000_0303morning_0008_0.jpg', 'a.jpg'])
def test_no_camera(name, root):
    path = root / 'list_train.txt'
    path.write_text(f'0003/{name} 3\n' + path.read_text())
    fails(ValueError, f'Line 1 of .*{name} 3.* does not contain the camera',
          root)


def test_empty_lists(root):
    for part in ('gallery', 'query', 'train'):
        (root / f'list_{part}.txt').write_text('\n')
        split = 'train' if part == 'train' else 'test'
        fails(ValueError, f'no image of the {part} part at data_root=.*\n'
              'Expected:', root, split)


def test_nobody_of_the_query_is_in_the_gallery(tmp_path):
    write(tmp_path, dict(LISTS, gallery=[(1, 1), (2, 2), (2, 3)]))
    fails(ValueError, 'No person of the 2 queries, such as .*0000_000_01_.*, '
          'is in the gallery, which has 3 images, such as .*0001_000_01_',
          tmp_path, 'test')


def test_swapped_folders(root):
    (root / 'train').rename(root / 'x')
    (root / 'test').rename(root / 'train')
    (root / 'x').rename(root / 'test')
    fails(FileNotFoundError, f'of which 4 are not in {root}/train: .* 4 of '
          f'them are in {root}/test: folders or lists of train and test are '
          'swapped', root)
    fails(FileNotFoundError, f'of which 2 are not in {root}/test: .* 2 of them'
          f' are in {root}/train', root, 'test')


@pytest.mark.parametrize('split, others', [('train', 3060), ('test', 1041)])
def test_swapped_folders_and_lists(split, others, tmp_path):
    write(tmp_path, {
        part: [(person, 1 + (part == 'query')) for person in range(others)]
        for part in LISTS
        if (part == 'train') == (split == 'train')
    })
    for folder in ('train', 'test'):
        (tmp_path / folder).mkdir(exist_ok=True)
    fails(ValueError, f'The {split} split .* has {others:,} persons, which is '
          'the number of the .* split of MSMT17, .* are swapped', tmp_path,
          split)


def test_unknown_arguments(root):
    fails(ValueError, 'split must be "train" or "test".* is \'query\'', root,
          'query')
    fails(ValueError, 'train_on must be "train" or "train.val", but is .val',
          root, train_on='val')
