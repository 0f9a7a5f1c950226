from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATASETS

from mmcckd.datasets import CURSampler
from mmcckd.reid import Market1501

FILES = dict(
    bounding_box_train=[
        '0002_c1s1_000451_03.jpg', '0002_c6s2_000776_01.jpg',
        '0011_c2s1_001976_01.jpg'
    ],
    query=['0001_c1s1_001051_00.jpg', '0003_c3s3_000001_00.jpg'],
    bounding_box_test=[
        '-1_c1s1_000401_03.jpg', '0000_c4s1_000151_01.jpg',
        '0001_c2s1_000301_00.jpg', '0003_c5s1_000002_00.jpg'
    ])


def write(root, files=FILES):
    for folder, names in files.items():
        (root / folder).mkdir(parents=True)
        # in another order than that of the names
        for name in (*reversed(names), 'Thumbs.db', '._0002_c1s1.jpg'):
            (root / folder / name).touch()
    return root


@pytest.fixture
def root(tmp_path):
    return write(tmp_path / 'market')


def samples(*args):
    dataset = Market1501(*map(str, args))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    for info in infos:
        del info['sample_idx']
        path = Path(info['img_path'])
        assert path.is_file()
        info['img_path'] = f'{path.parent.name}/{path.name}'
    return dataset, infos


def fails(error, message, root, split='train'):
    with pytest.raises(error, match=message) as caught:
        Market1501(str(root), split)
    return str(caught.value)


@pytest.mark.parametrize('inner', ['', 'Market-1501-v15.09.15'])
def test_samples(inner, tmp_path):
    write(tmp_path / 'market' / inner)
    dataset, train = samples(tmp_path / 'market')
    assert dataset.metainfo['classes'] == ('0002', '0011')
    assert dataset.get_gt_labels().tolist() == [0, 0, 1]
    assert train == [
        dict(
            img_path=f'bounding_box_train/{name}',
            gt_label=label,
            camera_id=camera) for name, label, camera in zip(
                FILES['bounding_box_train'], (0, 0, 1), (1, 6, 2))
    ]
    _, test = samples(tmp_path / 'market', 'test')
    assert [Path(info.pop('img_path')).name for info in test
            ] == FILES['query'] + FILES['bounding_box_test'][1:]
    assert test == [
        dict(gt_label=1, camera_id=1, is_query=True),
        dict(gt_label=3, camera_id=3, is_query=True),
        dict(gt_label=0, camera_id=4, is_query=False),
        dict(gt_label=1, camera_id=2, is_query=False),
        dict(gt_label=3, camera_id=5, is_query=False)
    ]


def test_toy_data(toy_market1501):
    dataset, train = samples(toy_market1501)
    labels = dataset.get_gt_labels()
    assert np.unique(labels).tolist() == list(range(60))
    classes = [int(name) for name in dataset.metainfo['classes']]
    assert sorted(classes) == classes and classes != list(range(60))
    for info in train:
        name = info['img_path'].split('/')[1]
        assert int(name[:4]) == classes[info['gt_label']]
        assert int(name[6]) == info['camera_id']
    _, test = samples(toy_market1501, 'test')
    searched = {info['gt_label'] for info in test if info['is_query']}
    assert len(searched) == 40 and not searched & set(classes)
    gallery = [info for info in test if not info['is_query']]
    assert {info['gt_label'] for info in gallery} == searched | {0}
    folder = Path(toy_market1501) / 'bounding_box_test'
    junk = [path for path in folder.iterdir() if path.name.startswith('-1_')]
    assert len(junk) == 40
    assert len(list(folder.iterdir())) == len(gallery) + 40
    for batch in CURSampler(DefaultSampler(dataset, seed=1), 64, 4):
        _, counts = np.unique(labels[batch], return_counts=True)
        assert counts.tolist() == [4] * 16


def test_is_registered(root):
    dataset = DATASETS.build(dict(type='Market1501', data_root=str(root)))
    assert len(dataset) == 3 and str(root) in repr(dataset)


def test_missing_root(tmp_path):
    message = fails(FileNotFoundError, 'Market1501 cannot be read from '
                    '.*none.: there is no such folder', tmp_path / 'none')
    for line in ('    bounding_box_train/', '      0002_c1s1_000451_03.jpg, …',
                 '    query/',
                 '  python tools/make_toy_dataset.py market1501 FOLDER'):
        assert line in message.splitlines()
    assert f'{tmp_path}/none/Market-1501-v15.09.15/)' in message


def test_missing_folder(root):
    (root / 'query').rename(root / 'queries')
    fails(FileNotFoundError, f'there is no {root}/query; {root} has bounding_'
          'box_test, bounding_box_train, queries.', root, 'test')


def test_empty_folders(root):
    parts = dict(bounding_box_train='train', query='query')
    for folder, part in parts.items():
        for path in (root / folder).glob('[0-9]*.jpg'):
            path.unlink()
        fails(ValueError, f'no image of the {part} part', root,
              'train' if part == 'train' else 'test')


def test_a_gallery_of_junk_is_empty(root):
    for path in (root / 'bounding_box_test').glob('0*.jpg'):
        path.unlink()
    fails(ValueError, 'no image of the gallery part', root, 'test')


def test_a_name_without_person_and_camera(root):
    for name in ('a.jpg', '0002.jpg', '0002_s1.jpg', '0002_cs1.jpg',
                 '٢_c1s1_000451_03.jpg', f'0002_c{"1" * 20}.jpg'):
        (root / 'query' / name).touch()
    message = fails(ValueError, 'query has 6 images whose names do not '
                    'contain person and camera, .* 0002.jpg, 0002_c1+.jpg, '
                    '0002_cs1.jpg, …', root, 'test')
    assert ' a.jpg' not in message


@pytest.mark.parametrize('name', ['0000_c1s1_000451_03.jpg',
                                  '-1_c1s1_000451_03.jpg'])
def test_a_query_of_nobody(root, name):
    """Distractors would be its matches."""
    (root / 'query' / name).touch()
    fails(ValueError, 'query has 1 images of person -1 or 0, which belong to '
          f'bounding_box_test only: {name}', root, 'test')


def renamed(root, folder, number, extension):
    path = root / folder / FILES[folder][number]
    path.rename(path.with_suffix(extension))


def test_images_of_every_extension_are_read(root, log):
    for number, extension in enumerate(('.png', '.JPG', '.jpeg')):
        renamed(root, 'bounding_box_train', number, extension)
    dataset, train = samples(root)
    assert dataset.get_gt_labels().tolist() == [0, 0, 1]
    assert [Path(info['img_path']).suffix
            for info in train] == ['.png', '.JPG', '.jpeg']
    assert not log.records


def test_says_what_is_left_out(root, log):
    folder = root / 'bounding_box_train'
    for name in ('labels.txt', 'a.gif', '0002_c1s1_000451_03.png'):
        (folder / name).touch()
    (folder / '0002').mkdir()
    _, train = samples(root)
    assert [info['img_path'].split('/')[1]
            for info in train] == FILES['bounding_box_train']
    others, again = [record.getMessage() for record in log.records]
    assert ('bounding_box_train: 3 entries are left out, since their '
            'extension is not that of an image: 0002, a.gif, labels.txt. '
            'Allowed are .jpg, .jpeg, .png,') in others
    assert ('bounding_box_train: 1 images are left out, since there is one '
            'with the same name and another extension: '
            '0002_c1s1_000451_03.png.'
            ) in again


def test_says_how_many_are_junk(root, log):
    samples(root, 'test')
    assert ('bounding_box_test: 1 of 4 images are left out, since they are '
            'bad detections (person -1).') in log.text


def test_swapped_folders(root):
    (root / 'bounding_box_train').rename(root / 'x')
    (root / 'bounding_box_test').rename(root / 'bounding_box_train')
    (root / 'x').rename(root / 'bounding_box_test')
    fails(ValueError, 'bounding_box_train has 2 images of person -1 or 0, .*: '
          '-1_c1s1_000401_03.jpg, 0000_c4s1_000151_01.jpg. If the folders of '
          'train and test are swapped', root)
    fails(ValueError, 'No person of the 2 queries, .* is in the gallery, which'
          ' has 3 images, such as .*0002_c1s1_000451_03.jpg. If the folders of'
          ' train and', root, 'test')


def test_unknown_split(root):
    fails(ValueError, 'split must be "train" or "test"', root, 'gallery')
