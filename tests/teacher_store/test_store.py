import json
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcckd.teacher_store import (
    RecordLayout,
    StoreSettings,
    TeacherStore,
    flatten,
    unflatten,
)

from .conftest import FC, NECK, SAMPLES, VIEWS

BOTH = [NECK, FC]


def test_what_is_written_is_read(make_store, leaves):
    store = make_store(dtype='float32')
    views, samples = np.array([0, 1, 2, 0]), np.array([3, 3, 49, 0])
    assert store.missing(views, samples, BOTH).all()
    written = leaves(4)
    store.write(views, samples, written)
    assert not store.missing(views, samples, BOTH).any()
    found = store.read(views[::-1], samples[::-1], BOTH)
    for source in BOTH:
        np.testing.assert_array_equal(found[source][0],
                                      written[source][0][::-1])
        assert found[source][0].dtype == np.float32
        assert found[source][0].flags.c_contiguous
    rest = np.setdiff1d(np.arange(SAMPLES), [0, 3])
    assert store.missing(0 * rest, rest, BOTH).all()
    assert store.filled() == dict.fromkeys(BOTH, 4 / (VIEWS * SAMPLES))
    assert store.check() == dict.fromkeys(BOTH, 0)


@pytest.mark.parametrize('dtype, error', [('float16', 1e-3), ('float32', 0)])
def test_rounding(make_store, leaves, dtype, error):
    store = make_store(dtype=dtype)
    rows = np.arange(SAMPLES)
    written = leaves(SAMPLES)
    store.write(0 * rows, rows, written)
    found = store.read(0 * rows, rows, BOTH)
    for source in BOTH:
        np.testing.assert_array_equal(
            found[source][0],
            written[source][0].astype(dtype).astype(np.float32))
        np.testing.assert_allclose(found[source][0], written[source][0], error)


@settings(deadline=None, max_examples=30)
@given(st.lists(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 4)), max_size=5),
    max_size=5))
def test_the_first_to_write_a_row_wins(tmp_path_factory, batches):
    """Also within a batch, which may contain a sample several times."""
    path = tmp_path_factory.mktemp('folder') / 'store'
    store = TeacherStore(StoreSettings(str(path), 2), 5, {})
    store.add({'a': RecordLayout(0, [()])})
    expected = {}
    number = 0.
    for batch in batches:
        views = np.array([view for view, _ in batch], np.int64)
        samples = np.array([sample for _, sample in batch], np.int64)
        values = number + np.arange(len(batch), dtype=np.float32)
        number += len(batch)
        store.write(views, samples, {'a': [values]})
        for row, value in zip(batch, values):
            expected.setdefault(row, value)
        found, = store.read(views, samples, ['a'])['a']
        assert found.tolist() == [expected[row] for row in batch]
    everything = np.array([(v, s) for v in range(2) for s in range(5)]).T
    assert store.missing(*everything, ['a']).tolist() == [
        row not in expected for row in zip(*everything.tolist())
    ]


def test_records(make_store, tmp_path):
    """From a recorder's record to a record."""
    import torch
    record = [(torch.rand(2, 3), None), dict(a=torch.rand(2, 4, 5))]
    structure, parts = flatten(record, 2)
    store = make_store(add=(), dtype='float32')
    store.add({'x': RecordLayout(structure, [p.shape[1:] for p in parts])})
    rows = np.zeros(2, np.int64), np.arange(2)
    store.write(*rows, {'x': [part.numpy() for part in parts]})
    again = TeacherStore.open(str(tmp_path / 'store'))
    found = again.read(*rows, ['x'])['x']
    found = unflatten(again.layouts['x'].structure,
                      list(map(torch.from_numpy, found)))
    assert torch.equal(found[0][0], record[0][0]) and found[0][1] is None
    assert torch.equal(found[1]['a'], record[1]['a'])


def test_any_program_can_read_the_rows(make_store, leaves, tmp_path):
    store = make_store()
    store.write([1], [7], leaves(1))
    folder = tmp_path / 'store/ModuleOutputs%3Ahead.fc'
    rows = np.load(folder / 'rows.npy', mmap_mode='r')
    assert rows.shape == (VIEWS, SAMPLES)
    np.testing.assert_array_equal(rows['leaf0'][1, 7],
                                  leaves(1)[FC][0][0].astype(np.float16))
    checksums = np.load(folder / 'checksums.npy')
    assert checksums.shape == (VIEWS, SAMPLES)
    assert np.count_nonzero(checksums) == 1


def test_a_source_is_added_later(make_store, leaves):
    store = make_store(add=(FC, ))
    rows = np.zeros(5, np.int64), np.arange(5)
    store.write(*rows, {FC: leaves(5)[FC]})
    with pytest.raises(ValueError, match='no ModuleOutputs:neck; it has '
                       'ModuleOutputs:head.fc'):
        store.missing(*rows, [NECK])

    store = make_store()
    assert store.missing(*rows, BOTH).all()
    assert not store.missing(*rows, [FC]).any()
    store.write(*rows, leaves(5, seed=1))
    found = store.read(*rows, BOTH)
    for source, seed in ((FC, 0), (NECK, 1)):
        np.testing.assert_array_equal(
            found[source][0],
            leaves(5, seed)[source][0].astype(np.float16))


def test_it_is_pickled_without_open_files(make_store, leaves):
    store = make_store()
    store.write([0], [1], leaves(1))
    again = pickle.loads(pickle.dumps(store))
    again.read_ahead([0, 1], [1, 2])
    for source, parts in store.read([0], [1], BOTH).items():
        np.testing.assert_array_equal(
            again.read([0], [1], [source])[source], parts)


@pytest.mark.parametrize('settings, message', [
    (dict(views=4), 'views is 3 in the store, but 4 here'),
    (dict(seed=1), 'seed is 0 in the store, but 1 here'),
    (dict(num_samples=51), 'num_samples is 50 in the store, but 51 here'),
    (dict(identity=dict(
        teacher='b', pipeline=[dict(type='Resize', scale=[8, 9])])),
     'teacher is "a" in the store, but "b" here; pipeline.0.scale.1 is 8 in '
     'the store, but 9 here. Give another path, or the same teacher'),
    (dict(identity=dict(teacher='a', pipeline=[])),
     'pipeline is \\[{"type": "Resize", "scale": \\[8, 8\\]}\\] in the store, '
     'but \\[\\] here'),
    (dict(identity=dict(teacher='a')), 'pipeline is \\[.*\\] in .* but null'),
    (dict(dtype='float32'), 'has ModuleOutputs:neck in another form: dtype is '
     '"float16" in the store, but "float32" here'),
])
def test_a_store_of_something_else(make_store, leaves, settings, message):
    make_store().write([0], [0], leaves(1))
    with pytest.raises(ValueError, match=message):
        make_store(**settings)
    assert not make_store().missing([0], [0], BOTH).any()


@pytest.mark.parametrize('layout, message', [
    (RecordLayout(dict(list=[0]), [(20, )]),
     'shapes.0.0 is 10 in the store, but 20 here'),
    (RecordLayout(dict(list=[0]), [(10, )], 5),
     'top_k is null in the store, but 5 here'),
    (RecordLayout(dict(list=[dict(tuple=[0])]), [(10, )]),
     'structure.list.0 is 0 in the store, but {"tuple": \\[0\\]} here'),
])
def test_a_source_of_another_layout(make_store, layout, message):
    store = make_store()
    with pytest.raises(ValueError, match=f'head.fc in .* form: {message}'):
        store.add({FC: layout})


def test_identities_are_compared_as_json(make_store):
    identity = dict(scale=(3, 4), sizes={224: 1})
    make_store(identity=identity)
    make_store(identity=identity)


def test_rows_that_do_not_exist(make_store, leaves):
    store = make_store()
    with pytest.raises(ValueError, match='no view 3: there are 3, from 0 to'):
        store.missing([0, 3], [0, 0], BOTH)
    with pytest.raises(ValueError, match='no sample 50: there are 50'):
        store.read([0], [50], BOTH)
    with pytest.raises(ValueError, match='no sample -1'):
        store.write([0], [-1], leaves(1))
    with pytest.raises(ValueError, match='view 2 of sample 4: this row is not '
                       'stored'):
        store.read([2], [4], BOTH)


def test_leaves_of_another_shape(make_store):
    with pytest.raises(ValueError, match='head.fc has leaves of the shapes '
                       '\\[\\(11,\\)\\], but the store has \\[\\(10,\\)\\]'):
        make_store().write([0], [0], {FC: [np.zeros((1, 11), np.float32)]})


@pytest.mark.parametrize('value, dtype, message', [
    (np.nan, 'float16', 'NaN or infinite values in ModuleOutputs:head.fc for '
     'view 1 of sample 7; check its checkpoint'),
    (-np.inf, 'float32', 'NaN or infinite values'),
    (-70_000, 'float16', 'has the value 70000 for view 1 of sample 7, but '
     'float16 holds numbers up to 65504; set teacher_store.dtype='),
])
@pytest.mark.parametrize('top_k', [None, 3])
def test_numbers_that_cannot_be_stored(make_store, value, dtype, message,
                                       top_k):
    store = make_store(add=(), dtype=dtype)
    store.add({FC: RecordLayout(0, [(10, )], top_k)})
    logits = np.ones((2, 10), np.float32)
    logits[1, 2] = value
    with pytest.raises(ValueError, match=message):
        store.write([1, 1], [6, 7], {FC: [logits]})
    assert store.missing([1, 1], [6, 7], [FC]).all()


def test_float32_holds_large_numbers(make_store):
    store = make_store(dtype='float32')
    logits = np.full((1, 10), 1e30, np.float32)
    store.write([0], [0], {FC: [logits]})
    assert (store.read([0], [0], [FC])[FC][0] == logits).all()


def test_opened_from_its_folder_alone(make_store, tmp_path):
    store = make_store(seed=5, dtype='float32')
    again = TeacherStore.open(str(tmp_path / 'store'))
    assert (again.views, again.num_samples) == (VIEWS, SAMPLES)
    assert again.settings.seed == 5
    assert again.identity == store.identity
    assert again.layouts == store.layouts
    assert list(again.layouts) == [FC, NECK]
    with pytest.raises(ValueError, match='There is no teacher store in'):
        TeacherStore.open(str(tmp_path / 'missing'))
    assert not (tmp_path / 'missing').exists()


def test_other_files_are_left_alone(make_store, tmp_path):
    folder = tmp_path / 'store'
    folder.mkdir()
    (folder / 'thesis.tex').write_text('years of work')
    with pytest.raises(ValueError, match='is not empty, and contains no '
                       'teacher store but thesis.tex'):
        make_store()
    assert [path.name for path in folder.iterdir()] == ['thesis.tex']

    shutil.rmtree(folder)
    folder.write_text('a file')
    with pytest.raises(ValueError, match='is a file'):
        make_store()
    assert folder.read_text() == 'a file'


@pytest.mark.parametrize('text', ['', '[]', '{"name": "shop"}',
                                  '{"format": "other", "identity": {}}'])
def test_a_file_of_another_program(make_store, tmp_path, text):
    path = tmp_path / 'store/store.json'
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ValueError, match='is damaged, or is not a "mmcckd'):
        make_store()
    assert path.read_text() == text
    assert len(list(path.parent.iterdir())) == 1


def test_an_empty_folder_is_used(make_store, tmp_path):
    (tmp_path / 'store').mkdir()
    make_store()
    identity = json.loads((tmp_path / 'store/store.json').read_text())
    assert identity['identity']['teacher'] == 'a'
