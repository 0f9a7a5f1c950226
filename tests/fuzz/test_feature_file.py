"""Interrupted feature files, of which one file is damaged."""
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.superclasses import FeatureFile

from .mutations import changed, damaged
from .outcomes import fuzz, outcome

JOB = dict(teacher='ab', module='neck', pipeline=[dict(type='Resize')])
N, DONE = 20, 13
FEATURES = np.arange(1., DONE * 4 + 1).reshape(DONE, 4).astype(np.float32)
READABLE = np.arange(DONE) % 5 != 2


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """The folder, and the contents of its files by name."""
    folder = tmp_path_factory.mktemp('fuzz')
    file = FeatureFile(folder, JOB, N, 'float32')
    with file.writing():
        file.write(0, FEATURES, READABLE)
    return folder, {
        path.name: path.read_bytes()
        for path in (file.path, file.note)
    }


def read(folder, contents):
    """An error, or rows that are done have features. A feature has no
    checksum, and a number in the note may be another one."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    file = outcome(
        lambda: FeatureFile(folder, JOB, N, 'float32'), str(folder),
        ValueError)
    if file is None:
        return
    assert 0 <= file.rows_done <= N
    assert file.unreadable == sorted(set(file.unreadable))
    assert all(0 <= row < file.rows_done for row in file.unreadable)
    found = file.read()
    assert found.shape == (N, 4) and found.dtype == np.float32
    assert file.path.stat().st_size == len(contents[file.path.name])


@given(data=st.data())
@fuzz
def test_damaged_bytes(files, data):
    folder, contents = files
    name = data.draw(st.sampled_from(sorted(contents)))
    read(folder, {**contents, name: data.draw(damaged(contents[name]))})


@given(data=st.data())
@fuzz
def test_changed_note(files, data):
    folder, contents = files
    name, = (name for name in contents if name.endswith('.json'))
    note = data.draw(changed(json.loads(contents[name])))
    read(folder, {**contents, name: json.dumps(note).encode()})
