"""Superclass files with damaged bytes, arrays and JSON."""
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.datasets.superclass_file import Superclasses

from .mutations import changed, damaged, damaged_member, pack
from .outcomes import fuzz, outcome

SOUND = Superclasses(
    np.array([0, 1, 1, -1, 2, 0], np.int32),
    np.arange(12, dtype=np.float32).reshape(3, 4),
    dict(
        dataset=dict(num_samples=6, files='ab' * 32, order='cd' * 32),
        teacher_sha256='ef' * 32,
        module='neck',
        num_superclasses=3,
        seed=0,
        inertia=1.5,
        sizes=[2, 2, 1]))


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz') / 'superclasses.npz'


def archive():
    file = io.BytesIO()
    np.savez_compressed(
        file,
        labels=SOUND.labels,
        centroids=SOUND.centroids,
        meta=np.array(json.dumps(dict(SOUND.meta, format_version=1))))
    return file.getvalue()


def read(path, content):
    path.write_bytes(content)
    return outcome(lambda: Superclasses.load(path), str(path), ValueError)


@given(content=damaged(archive()))
@fuzz
def test_damaged_bytes(path, content):
    """An error, or what was written: the arrays have checksums."""
    found = read(path, content)
    if found is not None:
        assert np.array_equal(found.labels, SOUND.labels)
        assert np.array_equal(found.centroids, SOUND.centroids)
        assert found.meta == dict(SOUND.meta, format_version=1)


@given(content=damaged_member(archive()))
@fuzz
def test_damaged_arrays(path, content):
    """With checksums that fit: an error, or a valid file."""
    check_valid(read(path, content))


@given(meta=changed(dict(SOUND.meta, format_version=1)))
@fuzz
def test_changed_meta(path, meta):
    with zipfile.ZipFile(io.BytesIO(archive())) as old:
        members = {name: old.read(name) for name in old.namelist()}
    file = io.BytesIO()
    np.save(file, np.array(json.dumps(meta)))
    found = read(path, pack({**members, 'meta.npy': file.getvalue()}))
    check_valid(found)
    if found is not None:
        assert found.meta['format_version'] == 1


def check_valid(found):
    if found is None:
        return
    n, k = len(found.labels), len(found.centroids)
    assert n and found.labels.dtype.kind == 'i' and found.labels.shape == (n, )
    assert found.centroids.dtype.kind == 'f' and found.centroids.ndim == 2
    assert set(found.labels.tolist()) <= set(range(-1, k))
    assert all(isinstance(found.meta['dataset'][name], str)
               for name in ('files', 'order'))
    assert found.sizes.sum() == (found.labels >= 0).sum()


@given(
    labels=st.lists(st.integers(-1, 4), min_size=1, max_size=20),
    width=st.integers(0, 3),
    meta=st.dictionaries(st.text(), st.none() | st.text() | st.integers()))
@fuzz
def test_what_is_saved_is_loaded(path, labels, width, meta):
    saved = Superclasses(
        np.array(labels), np.ones((5, width)),
        dict(meta, dataset=SOUND.meta['dataset']))
    saved.save(path)
    found = Superclasses.load(path)
    assert found.labels.tolist() == labels
    assert np.array_equal(found.centroids, saved.centroids)
    assert found.meta == dict(saved.meta, format_version=1)
