import json

import numpy as np
import pytest

from mmcckd.teacher_store import TeacherStore

from .conftest import FC, NECK, SAMPLES, VIEWS

BOTH = [NECK, FC]
ROWS = np.repeat(np.arange(VIEWS), SAMPLES), np.tile(
    np.arange(SAMPLES), VIEWS)
CHECK = 'Run tools/store_teacher.py CONFIG --check'


@pytest.fixture
def full(make_store, leaves, tmp_path):
    """The folder of head.fc in a store with all rows."""
    make_store().write(*ROWS, leaves(VIEWS * SAMPLES))
    return tmp_path / 'store/ModuleOutputs%3Ahead.fc'


def fill_again(make_store, leaves):
    """Compute what is missing, as the next run does."""
    store = make_store()
    missing = store.missing(*ROWS, BOTH)
    written = leaves(VIEWS * SAMPLES)
    store.write(*(numbers[missing] for numbers in ROWS), {
        source: [parts[0][missing]] for source, parts in written.items()
    })
    for source, (found, ) in store.read(*ROWS, BOTH).items():
        np.testing.assert_array_equal(
            found, written[source][0].astype(np.float16))
    assert store.check() == {NECK: 0, FC: 0}


def test_a_row_without_its_checksum_is_missing(full, make_store, leaves):
    """As after a process was killed between the two."""
    checksums = np.load(full / 'checksums.npy', mmap_mode='r+')
    checksums[1, 7] = 0
    store = make_store()
    assert store.missing([1, 1], [7, 8], BOTH).tolist() == [True, False]
    fill_again(make_store, leaves)


def test_a_part_of_a_row_is_written_again(full, make_store, leaves):
    checksums = np.load(full / 'checksums.npy', mmap_mode='r+')
    rows = np.load(full / 'rows.npy', mmap_mode='r+')
    checksums[1, 7] = 0
    rows['leaf0'][1, 7, :3] = -1
    fill_again(make_store, leaves)


def damage(full, name):
    """Damage view 1 of sample 7, and no other row."""
    rows = np.load(full / 'rows.npy', mmap_mode='r+')
    checksums = np.load(full / 'checksums.npy', mmap_mode='r+')
    if name == 'a checksum without its row':
        rows['leaf0'][1, 7] = 0
    elif name == 'a part of a row':
        rows['leaf0'][1, 7, 5:] = 0
    elif name == 'one bit':
        rows['leaf0'].view(np.uint16)[1, 7, 3] ^= 2
    elif name == 'the row of another sample':
        rows['leaf0'][1, 7] = rows['leaf0'][1, 8]
    else:
        checksums[1, 7] ^= 1 << 20


@pytest.mark.parametrize('name', [
    'a checksum without its row', 'a part of a row', 'one bit',
    'the row of another sample', 'a checksum'
])
def test_a_row_that_does_not_fit_its_checksum(full, name, make_store, leaves,
                                              tmp_path):
    damage(full, name)
    store = make_store()
    store.read([1, 1], [6, 8], BOTH)
    store.read([1], [7], [NECK])
    with pytest.raises(ValueError) as error:
        store.read([1, 1], [6, 7], BOTH)
    message = str(error.value)
    assert f'{full / "rows.npy"}, view 1 of sample 7: this row is' in message
    assert CHECK in message

    progress = []
    assert TeacherStore.open(str(tmp_path / 'store')).check(
        progress.append) == {NECK: 0, FC: 1}
    assert sum(progress) == VIEWS * SAMPLES * 2
    assert np.flatnonzero(store.missing(*ROWS, BOTH)) == [SAMPLES + 7]
    fill_again(make_store, leaves)


def test_a_store_that_is_not_full_is_checked(make_store, leaves, monkeypatch):
    """Block by block; some blocks have no row."""
    monkeypatch.setattr('mmcckd.teacher_store.source_files.BLOCK', 100)
    store = make_store()
    store.write([0, 0, 2], [0, 20, 49], leaves(3))
    progress = []
    assert store.check(progress.append) == {NECK: 0, FC: 0}
    assert sum(progress) == VIEWS * SAMPLES * 2 and max(progress) <= 6
    assert (~store.missing(*ROWS, BOTH)).sum() == 3


@pytest.mark.parametrize('name', ['rows.npy', 'checksums.npy'])
@pytest.mark.parametrize('damage, message', [
    (lambda path: path.unlink(), 'does not exist'),
    (lambda path: path.write_bytes(b''), 'has 0 bytes instead of'),
    (lambda path: path.write_bytes(path.read_bytes()[:-70]), 'bytes instead'),
    (lambda path: path.write_bytes(path.read_bytes() + b'x'), 'bytes instead'),
    (lambda path: path.write_bytes(b'\0' * 128 + path.read_bytes()[128:]),
     'has a damaged header'),
])
def test_a_file_that_is_cut_off(full, name, damage, message, make_store,
                                leaves, tmp_path, log):
    damage(full / name)
    with pytest.raises(ValueError) as error:
        make_store()
    assert str(full / name) in str(error.value)
    assert message in str(error.value) and CHECK in str(error.value)

    store = TeacherStore.open(str(tmp_path / 'store'))
    store.check()
    assert f'{full / name} ' in log.text and 'It was restored' in log.text
    fill_again(make_store, leaves)


@pytest.mark.parametrize('name, old, new', [
    ('store.json', f'"num_samples": {SAMPLES}', '"num_samples": 7'),
    ('store.json', f'"num_samples": {SAMPLES}', '"num_samples": 10000000000'),
    ('ModuleOutputs%3Ahead.fc/layout.json', '10', '12'),
    ('ModuleOutputs%3Ahead.fc/layout.json', 'float16', 'float32'),
])
def test_complete_files_of_another_shape_are_not_restored(
        full, name, old, new, tmp_path):
    """What is damaged is the description of the store, not its rows."""
    path = tmp_path / 'store' / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    before = [(full / n).read_bytes() for n in ('rows.npy', 'checksums.npy')]
    with pytest.raises(ValueError, match='Nothing was changed') as error:
        TeacherStore.open(str(tmp_path / 'store')).check()
    assert 'store.json' in str(error.value)
    assert before == [
        (full / n).read_bytes() for n in ('rows.npy', 'checksums.npy')
    ]
    path.write_text(text)
    assert TeacherStore.open(str(tmp_path / 'store')).check() == {
        NECK: 0, FC: 0
    }


def test_a_file_that_is_cut_off_while_it_is_used(full, make_store, leaves):
    """No row is read from what an earlier one left in memory."""
    store = make_store()
    for _ in range(3):
        store.read([2], [49], [FC])
    with open(full / 'rows.npy', 'rb+') as file:
        file.truncate((full / 'rows.npy').stat().st_size - 3)
    with pytest.raises(ValueError, match='view 2 of sample 49: this row is d'):
        store.read([2], [49], [FC])


GOOD = dict(
    source=FC,
    dtype='float16',
    structure=dict(list=[0]),
    shapes=[[10]],
    top_k=None)


@pytest.mark.parametrize('text', [
    '', '{}', '[]', '3', '{"source": "a"', '[' * 100_000,
    *(json.dumps(dict(GOOD, **change)) for change in [
        dict(dtype='float64'), dict(dtype=None), dict(shapes=[[-10]]),
        dict(shapes=[['a']]), dict(shapes=[[0]]), dict(shapes=3),
        dict(structure=dict(list=[1])),
        dict(structure=dict(list=[0, 0])), dict(structure=dict(set=[0])),
        dict(structure=[0]), dict(structure=dict(list=0)),
        dict(structure=None, shapes=[]), dict(top_k=2.), dict(top_k=True)
    ])
])
def test_a_damaged_layout(full, text, make_store, leaves):
    (full / 'layout.json').write_text(text)
    with pytest.raises(ValueError, match='layout.json is damaged: .* Delete '
                       'the folder .*head.fc; its rows are computed again'):
        make_store()
    for path in full.iterdir():
        path.unlink()
    full.rmdir()
    fill_again(make_store, leaves)


@pytest.mark.parametrize('change', [
    dict(views=0), dict(views='3'), dict(num_samples=None),
    dict(num_samples=2**60), dict(num_samples=10**30), dict(views=True),
    dict(seed=None), dict(seed=-1)
])
def test_a_damaged_identity(full, change, tmp_path):
    path = tmp_path / 'store/store.json'
    content = json.loads(path.read_text())
    content['identity'].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='store.json is damaged'):
        TeacherStore.open(str(tmp_path / 'store'))


@pytest.mark.parametrize('text', ['[' * 100_000, '[]', '{"format": 1}'])
def test_an_identity_that_is_none(full, text, tmp_path):
    (tmp_path / 'store/store.json').write_text(text)
    with pytest.raises(ValueError, match='store.json is damaged'):
        TeacherStore.open(str(tmp_path / 'store'))


def test_a_process_that_was_killed_while_it_added_a_source(
        make_store, leaves, tmp_path):
    make_store(add=(NECK, ))
    partial = tmp_path / 'store/.ModuleOutputs%3Ahead.fc.partial'
    partial.mkdir()
    (partial / 'rows.npy').write_bytes(b'x')
    assert list(make_store(add=()).layouts) == [NECK]
    fill_again(make_store, leaves)
    assert not partial.exists()
