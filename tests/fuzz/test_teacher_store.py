"""Teacher stores of which one file is damaged."""
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.teacher_store import RecordLayout, StoreSettings, TeacherStore

from .mutations import changed, damaged
from .outcomes import fuzz, outcome

VIEWS, SAMPLES = 2, 5
IDENTITY = dict(teacher='ab', pipeline=[dict(type='Resize', scale=[8, 8])])
SOURCES = {
    'ModuleOutputs:fc': RecordLayout(dict(list=[0]), [(10, )], top_k=3),
    'ModuleOutputs:neck': RecordLayout(dict(list=[dict(tuple=[0, 1])]),
                                       [(4, 2), (3, )])
}
ROWS = (np.repeat(np.arange(VIEWS), SAMPLES),
        np.tile(np.arange(SAMPLES), VIEWS))


def make(path):
    store = TeacherStore(
        StoreSettings(str(path), VIEWS), SAMPLES, IDENTITY)
    store.add(SOURCES)
    return store


@pytest.fixture(scope='module')
def sound(tmp_path_factory):
    """The path of a store, its files, and its rows."""
    path = tmp_path_factory.mktemp('fuzz') / 'store'
    store = make(path)
    rng = np.random.default_rng(0)
    store.write(
        *(numbers[:-1] for numbers in ROWS), {
            source: [
                rng.standard_normal((VIEWS * SAMPLES - 1, *shape), np.float32)
                for shape in layout.shapes
            ]
            for source, layout in SOURCES.items()
        })
    files = {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob('*') if file.suffix in ('.json', '.npy')
    }
    rows = store.read(*(numbers[:-1] for numbers in ROWS), list(SOURCES))
    return path, files, rows


def read(sound, name, content):
    path, files, _ = sound
    for other in files:
        (path / other).write_bytes(files[other])
    (path / name).write_bytes(content)
    check_rows(sound, lambda: make(path))
    check_rows(sound, lambda: TeacherStore.open(str(path)))
    # What --check repairs can be read, but for what it cannot repair.
    if outcome(lambda: TeacherStore.open(str(path)).check(), str(path),
               ValueError) is not None:
        check_rows(sound, lambda: make(path))


def check_rows(sound, open_store):
    """An error, or every row is missing or what was written."""
    path, _, expected = sound
    store = outcome(open_store, str(path), ValueError)
    if store is None:
        return
    for source in SOURCES:
        missing = outcome(lambda source=source: store.missing(*ROWS, [source]),
                          str(path), ValueError)
        if missing is None:
            continue
        for i in np.flatnonzero(~missing):
            row = [numbers[i:i + 1] for numbers in ROWS]
            found = outcome(
                lambda source=source, row=row: store.read(*row, [source]),
                str(path), ValueError)
            if found is not None:
                for leaf, right in zip(found[source], expected[source]):
                    # The rows of the k largest logits do not contain how many
                    # there are; add() compares it with the teacher's.
                    if source.endswith('fc') and leaf.size != right[i].size:
                        continue
                    assert np.array_equal(leaf.ravel(), right[i].ravel())


@given(data=st.data())
@fuzz
def test_damaged_bytes(sound, data):
    files = sound[1]
    name = data.draw(st.sampled_from(sorted(files)))
    read(sound, name, data.draw(damaged(files[name])))


@given(data=st.data())
@fuzz
def test_changed_values(sound, data):
    files = sound[1]
    name = data.draw(
        st.sampled_from(sorted(n for n in files if n.endswith('.json'))))
    value = data.draw(changed(json.loads(files[name])))
    read(sound, name, json.dumps(value).encode())
