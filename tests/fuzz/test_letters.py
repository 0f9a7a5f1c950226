"""Folders of letters with damaged bytes and changed facts."""
import hashlib
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.datasets.letters import Letters

from .mutations import changed, damaged
from .outcomes import fuzz, outcome

LABELS = np.array([[c, f] for c in range(6) for f in range(4)], np.int32)
IMAGES = np.arange(24 * 1024).astype(np.uint8).reshape(24, 32, 32)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


FILES = {'images.npy': npy(IMAGES), 'labels.npy': npy(LABELS)}
FACTS = dict(
    classes=['a', 'b', 'c', 'd', 'e', 'ü'],
    faces=['w', 'x', 'y', 'z'],
    classes_of=dict(train=[0, 3], unseen=[1, 4], other=[2, 5]),
    faces_of=dict(train=[0, 1], val=[2], test=[3]),
    sha256={
        name: hashlib.sha256(content).hexdigest()
        for name, content in FILES.items()
    })
FILES['letters.json'] = json.dumps(FACTS).encode()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz')


def read(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    found = outcome(
        lambda: Letters(str(folder), 'train').data_list, str(folder),
        ValueError)
    if found is not None:
        for info in found:
            assert any(np.array_equal(info['img'], image) for image in IMAGES)
            assert type(info['gt_label']) is int
    return found


@given(
    file=st.sampled_from(sorted(FILES)).flatmap(
        lambda name: st.tuples(st.just(name), damaged(FILES[name]))))
@fuzz
def test_damaged_bytes(folder, file):
    """An error, or what was written: the images and labels are hashed."""
    read(folder, dict([*FILES.items(), file]))


@given(facts=changed(FACTS))
@fuzz
def test_changed_facts(folder, facts):
    read(folder, {**FILES, 'letters.json': json.dumps(facts).encode()})
