"""Toy persons: the files of the real data sets, and how hard they are."""
import dataclasses
import hashlib
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mmcckd.reid import MSMT17, Market1501
from mmcckd.reid.toy import make_market1501, make_msmt17, persons
from mmcckd.reid.toy.cameras import Camera
from mmcckd.reid.toy.persons import UPPER_PATTERNS, Person
from mmcckd.reid.toy.sightings import draw_num_pictures, draw_sightings


def digest(folder):
    return {
        path.relative_to(folder): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in Path(folder).rglob('*') if path.is_file()
    }


def load(dataset, size):
    """Pixels, (N, height · width · 3), persons and cameras."""
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    pixels = [
        cv2.resize(
            cv2.imread(info['img_path']), size, interpolation=cv2.INTER_AREA)
        for info in infos
    ]
    return np.stack(pixels).astype(float), infos


def mean_average_precision(features, infos):
    """By cosine similarity, of queries with a match from another camera."""
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    gallery = [i for i, info in enumerate(infos) if not info['is_query']]
    precisions = []
    for q, query in enumerate(infos):
        if not query['is_query']:
            continue
        similar = sorted(gallery, key=lambda i: -(features[i] @ features[q]))
        hits = entries = 0
        precision = []
        for i in similar:
            same_person = infos[i]['gt_label'] == query['gt_label']
            same_camera = infos[i]['camera_id'] == query['camera_id']
            if same_person and same_camera:
                continue
            entries += 1
            hits += same_person
            if same_person:
                precision.append(hits / entries)
        assert precision  # each query has a match
        precisions.append(np.mean(precision))
    return np.mean(precisions)


@pytest.mark.parametrize('dataset, fixture', [(MSMT17, 'toy_msmt17'),
                                              (Market1501, 'toy_market1501')])
def test_pixels_find_few_and_learning_finds_many(dataset, fixture, request):
    root = request.getfixturevalue(fixture)
    train, train_infos = load(dataset(root), (8, 16))
    test, infos = load(dataset(root, 'test'), (8, 16))

    def features(images):
        images = images + images[:, :, ::-1]  # whichever way a person looks
        return reduction.transform(images.reshape(len(images), -1))

    raw = mean_average_precision(test.reshape(len(test), -1), infos)
    assert 0.05 < raw < 0.3
    reduction = PCA(40).fit((train + train[:, :, ::-1]).reshape(
        len(train), -1))
    # Learned from persons that are not in the test.
    learned = LinearDiscriminantAnalysis(solver='eigen', shrinkage=0.1).fit(
        features(train), [info['gt_label'] for info in train_infos])
    found = mean_average_precision(learned.transform(features(test)), infos)
    assert found > 2 * raw and found < 0.9


def test_msmt17_has_the_files_of_the_real_one(tmp_path):
    sizes = make_msmt17(tmp_path, 3)
    root = tmp_path / 'MSMT17_V1'
    assert {path.name for path in root.iterdir()} == {
        'train', 'test', *(f'list_{part}.txt' for part in sizes)
    }
    listed = dict(train=set(), test=set())
    for part, size in sizes.items():
        lines = (root / f'list_{part}.txt').read_text().splitlines()
        assert len(lines) == size > 20
        pids = [int(line.split()[1]) for line in lines]
        assert sorted(pids) == pids
        for line in lines:
            match = re.fullmatch(
                r'((\d{4})/(\d{4})_\d{3}_(\d\d)_\d{4}(morning|noon|afternoon)_'
                r'\d{4}_\d(_ex)?\.jpg) (\d+)', line)
            assert match[2] == match[3] and int(match[2]) == int(match[7])
            assert 1 <= int(match[4]) <= 8
            split = 'train' if part in ('train', 'val') else 'test'
            listed[split].add(match[1])
    assert sum(sizes.values()) == len(listed['train'] | listed['test'])
    for split, names in listed.items():
        files = list((root / split).rglob('*.jpg'))
        assert {str(path.relative_to(root / split)) for path in files} == names
    shapes = {cv2.imread(str(path)).shape for path in files}
    assert len(shapes) > 50
    assert all(64 <= height <= 128 and 0.38 * height < width < 0.57 * height
               for height, width, _ in shapes)


def test_market1501_has_the_files_of_the_real_one(tmp_path):
    sizes = make_market1501(tmp_path, 2)
    pids_of = {}
    for folder, size in sizes.items():
        names = [path.name for path in (tmp_path / folder).iterdir()]
        matches = [
            re.fullmatch(r'(-1|\d{4})_c[1-6]s[1-6]_\d{6}_\d\d\.jpg', name)
            for name in names
        ]
        pids = [int(match[1]) for match in matches]
        assert size == sum(pid != -1 for pid in pids)
        pids_of[folder] = set(pids)
    assert pids_of['query'] | {-1, 0} == pids_of['bounding_box_test']
    assert not pids_of['query'] & pids_of['bounding_box_train']
    assert pids_of['query'] | pids_of['bounding_box_train'] == set(
        range(1, 101))
    picture = tmp_path / folder / names[0]
    assert cv2.imread(str(picture)).shape == (128, 64, 3)


@pytest.mark.parametrize('make', [make_msmt17, make_market1501])
def test_the_seed_decides(make, tmp_path):
    outs = [tmp_path / name for name in ('a', 'new/b', 'c')]
    for out, seed in zip(outs, (3, 3, 4)):
        make(out, 1, seed=seed)
    same, again, other = map(digest, outs)
    assert same == again
    pictures = [{files[path] for path in files if path.suffix == '.jpg'}
                for files in (same, other)]
    assert pictures[0] and not pictures[0] & pictures[1]


def test_sightings():
    rng = np.random.default_rng(0)
    for _ in range(300):
        number = draw_num_pictures(rng.integers(1, 15), rng)
        assert 2 <= number <= 5 / 3 * 14
        sightings = draw_sightings(number, 5, rng)
        assert len(sightings) == number
        cameras = [sighting.camera for sighting in sightings]
        assert sorted(cameras) == cameras and set(cameras) <= set(range(5))
        asked = [s.camera for s in sightings if s.is_query]
        assert len(asked) == len(set(asked)) == len(set(cameras)) - 1 >= 1


COLORS = dict(
    skin=(255, 219, 186), hair=(30, 24, 22), cap=(200, 36, 40),
    upper=(240, 240, 240), upper2=(28, 28, 32), lower=(36, 96, 200),
    shoes=(112, 72, 40), bag=(242, 214, 50))
STYLES = dict(hair='cap', sleeves='short', lower='trousers', bag='hand')


@pytest.fixture
def photograph():
    camera = Camera.sample(np.random.default_rng(0))

    def photograph(build=1., pattern=3, colors=None, styles=None):
        person = Person(build, dict(COLORS, **colors or {}), pattern,
                        dict(STYLES, **styles or {}))
        # from the front and from behind
        return np.stack([
            camera.photograph(person, 96, 40, np.random.default_rng(seed))
            for seed in (0, 1, 2)
        ])

    return photograph


def test_each_mark_of_a_person_shows(photograph):
    pictures = [
        photograph(),
        photograph(build=1.2),
        *(photograph(pattern=i) for i in range(len(UPPER_PATTERNS)) if i > 3),
        photograph(pattern=0),
        *(photograph(colors={part: (10, 160, 90)}) for part in COLORS),
        *(photograph(styles={name: style})
          for name, styles in persons.STYLES.items()
          for style in set(styles) - {STYLES[name]}),
    ]
    assert pictures[0].shape == (3, 96, 40, 3)
    assert pictures[0].dtype == np.uint8
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_each_trait_of_a_camera_shows():
    person = Person(1., COLORS, 3, STYLES)
    rng = np.random.default_rng(0)
    camera, other = Camera.sample(rng), Camera.sample(rng)
    cameras = [camera] + [
        dataclasses.replace(camera, **{field.name: getattr(other, field.name)})
        for field in dataclasses.fields(Camera)
    ]
    pictures = {
        each.photograph(person, 96, 40, np.random.default_rng(0)).tobytes()
        for each in cameras
    }
    assert len(pictures) == 6
