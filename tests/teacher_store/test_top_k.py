import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmcckd.teacher_store import RecordLayout, keep_top_k, spread_rest
from mmcckd.teacher_store.row_format import RowFormat

LOGITS = st.tuples(st.integers(1, 4), st.integers(2, 12)).flatmap(
    lambda shape: arrays(
        np.float32, shape, elements=st.floats(-50, 50, width=32)))


def softmax(logits):
    exp = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
    return exp / exp.sum(1, keepdims=True)


@settings(deadline=None)
@given(LOGITS, st.data())
def test_softmax_equals(logits, data):
    """p of the k classes, and an equal share of the rest."""
    n, classes = logits.shape
    k = data.draw(st.integers(1, classes - 1))
    kept = keep_top_k(logits, k)
    found = spread_rest(*kept, classes)

    expected = softmax(logits)
    for row, top in zip(expected, kept[1]):
        others = np.setdiff1d(np.arange(classes), top)
        assert row[top].min() >= row[others].max()
        row[others] = row[others].sum() / (classes - k)
    np.testing.assert_allclose(softmax(found), expected, 2e-5, 1e-12)
    np.testing.assert_array_equal(
        np.take_along_axis(found, kept[1], 1),
        np.take_along_axis(logits, kept[1], 1))


def test_by_hand():
    logits = np.log(np.array([[5, 1, 3, 1]], np.float32))
    values, classes, rest = keep_top_k(logits, 1)
    assert classes.tolist() == [[0]] and values == np.log(np.float32(5))
    np.testing.assert_allclose(np.exp(rest), [[5 / 3]], 1e-6)


@pytest.mark.parametrize('dtype', ['float16', 'float32'])
@pytest.mark.parametrize('num_classes, index, k', [(1000, 'u2', 7),
                                                   (70_000, 'u4', 8)])
def test_rows(dtype, num_classes, index, k):
    """Every k, also where fields are not aligned."""
    logits = np.random.default_rng(0).standard_normal((5, num_classes))
    form = RowFormat(RecordLayout(0, [(num_classes, )], k), dtype)
    assert form.dtype['classes'].base == np.dtype(index)
    rows = form.encode([logits.astype(np.float32)])
    found, = form.decode(rows)
    assert found.dtype == np.float32
    expected = spread_rest(*keep_top_k(logits, k), num_classes)
    np.testing.assert_allclose(found, expected, 1e-3)
    torch.from_numpy(found)  # as the model does


def test_a_row_is_small():
    form = RowFormat(RecordLayout(0, [(1000, )], 50), 'float16')
    assert form.dtype.itemsize == 50 * (2 + 2) + 2
