"""Folders of Market-1501 with files of any name."""
import os
import os.path as osp
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.reid import Market1501

from .mutations import damaged
from .outcomes import fuzz, outcome

TRAIN, QUERY, GALLERY = (
    'bounding_box_train', 'query', 'bounding_box_test')
NAMES = {
    TRAIN: ['0002_c1s1_000451_03.jpg', '0002_c2s1_000451_03.jpg',
            '0011_c6s1_000451_03.png'],
    QUERY: ['0001_c1s1_000451_00.jpg', '1500_c3s1_000451_00.jpg'],
    GALLERY: ['0001_c2s1_000451_01.jpg', '-1_c1s1_000401_03.jpg',
              '0000_c1s1_000401_03.jpg', '1500_c2s1_000451_00.jpg'],
}
FOLDERS = st.sampled_from(sorted(NAMES))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz')


def person_and_camera(name):
    """Without regular expressions."""
    person, _, rest = name.partition('_c')
    digits = 0
    while rest[digits:digits + 1] in list('0123456789'):
        digits += 1
    return int(person), int(rest[:digits])


def read(root, names):
    for folder, files in names.items():
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir()
        for name in files:
            with open(os.path.join(os.fsencode(root / folder), name), 'w'):
                pass
    for split, folders in dict(train=[TRAIN], test=[QUERY, GALLERY]).items():
        dataset = outcome(
            lambda split=split: Market1501(
                str(root), split, serialize_data=False),
            str(root), ValueError)
        if dataset is None:
            continue
        paths = []
        for i in range(len(dataset)):
            info = dataset.get_data_info(i)
            folder, name = osp.split(osp.relpath(info['img_path'], root))
            paths.append((folder, name))
            assert os.fsencode(name) in names[folder]
            person, camera = person_and_camera(name)
            found = info['gt_label']
            if split == 'train':
                found = int(dataset.metainfo['classes'][found])
            assert (found, info['camera_id']) == (person, camera)
            assert person > 0 or (folder == GALLERY and person == 0)
            assert info.get('is_query', False) == (folder == QUERY)
        # No image is left out but those with a warning.
        images = [(folder, os.fsdecode(name)) for folder in folders
                  for name in names[folder] if name in map(
                      os.fsencode, NAMES[folder])]
        assert {image for image in images
                if not image[1].startswith('-1')} <= set(paths) or any(
                    osp.splitext(name)[0] in [
                        osp.splitext(os.fsdecode(other))[0]
                        for other in names[folder]
                        if os.fsdecode(other) != name]
                    for folder, name in images)
        assert len(paths) == len(set(paths))


def possible(name):
    return 0 < len(name) < 250 and b'/' not in name and b'\0' not in name \
        and name not in (b'.', b'..')


@given(
    folder=FOLDERS,
    names=st.lists(
        st.sampled_from(sum(NAMES.values(), [])).flatmap(
            lambda name: damaged(name.encode())).filter(possible),
        min_size=1,
        max_size=3))
@fuzz
def test_damaged_names(root, folder, names):
    sound = {folder: [name.encode() for name in files]
             for folder, files in NAMES.items()}
    read(root, {**sound, folder: sorted({*sound[folder], *names})})


@given(
    names=st.fixed_dictionaries({
        folder: st.lists(
            st.builds('{}_c{}{}.{}'.format, st.integers(-2, 99999),
                      st.integers(-1, 20), st.sampled_from(['s1', '', 'x_']),
                      st.sampled_from(['jpg', 'JPG', 'png', 'txt'])),
            unique=True,
            max_size=5)
        for folder in NAMES
    }))
@fuzz
def test_generated_names(root, names):
    read(root, {folder: [name.encode() for name in files]
                for folder, files in names.items()})
