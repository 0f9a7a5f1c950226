"""List files of MSMT17 with damaged bytes and lines."""
import os.path as osp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.reid import MSMT17

from .mutations import damaged
from .outcomes import fuzz, outcome

PARTS = dict(
    train=[(0, 1), (0, 15), (7, 2), (7, 2), (10, 3)],
    val=[(0, 2), (5, 4)],
    query=[(0, 1), (3, 2), (12, 1)],
    gallery=[(0, 3), (0, 1), (3, 4), (9, 1), (12, 2)])
FOLDERS = dict(train='train', val='train', query='test', gallery='test')


def names_of(part):
    return [
        f'{person:04d}/{person:04d}_{i:03d}_{camera:02d}_0303morning_'
        f'{len(part):04d}_0.jpg' for i, (person, camera) in enumerate(
            PARTS[part])
    ]


LISTS = {
    part: ''.join(f'{name} {int(name[:4])}\n' for name in names_of(part))
    for part in PARTS
}
# Person and camera of all images by their paths.
TRUTH = {
    f'{FOLDERS[part]}/{name}': image
    for part, images in PARTS.items()
    for name, image in zip(names_of(part), images)
}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('fuzz')
    for path in TRUTH:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def read(root, part, content):
    """An error, or images that exist, each once, with person and camera."""
    for name, text in LISTS.items():
        (root / f'list_{name}.txt').write_bytes(text.encode())
    (root / f'list_{part}.txt').write_bytes(content)
    split = 'train' if FOLDERS[part] == 'train' else 'test'
    dataset = outcome(
        lambda: MSMT17(
            str(root), split, train_on='train+val', serialize_data=False),
        str(root), ValueError, FileNotFoundError)
    if dataset is None:
        return
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    paths = [osp.relpath(info['img_path'], root) for info in infos]
    for path, info in zip(paths, infos):
        person, camera = TRUTH[path]
        found = info['gt_label']
        if split == 'train':
            found = int(dataset.metainfo['classes'][found])
        assert (found, info['camera_id']) == (person, camera)
    if split == 'train':
        assert len(paths) == len(set(paths))
    else:
        for is_query in (True, False):
            some = [path for path, info in zip(paths, infos)
                    if info['is_query'] == is_query]
            assert some and len(some) == len(set(some))


parts = st.sampled_from(sorted(PARTS))


@given(
    list_=parts.flatmap(lambda part: st.tuples(
        st.just(part), damaged(LISTS[part].encode()))))
@fuzz
def test_damaged_bytes(root, list_):
    read(root, *list_)


@given(
    part=parts,
    lines=st.lists(st.sampled_from(''.join(LISTS.values()).splitlines())))
@fuzz
def test_other_lines(root, part, lines):
    """Lines of other lists, in another order, several times."""
    read(root, part, '\n'.join(lines).encode())
