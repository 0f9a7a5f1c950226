import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import equal, ones, zeros

from mmcckd.teacher_store import RecordLayout, flatten, unflatten

N = 3


def nested(parts):
    return st.one_of(
        st.lists(parts, max_size=3),
        st.lists(parts, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), parts, max_size=3))


TENSORS = st.lists(
    st.integers(0, 3), max_size=3).map(lambda shape: torch.rand(N, *shape))
RECORDS = st.recursive(st.one_of(st.none(), TENSORS), nested, max_leaves=6)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(
            map(same, a, b))
    return a is b


@settings(deadline=None)
@given(RECORDS.map(lambda record: [record, torch.rand(N)]))
def test_unflatten_inverts_flatten(record):
    structure, leaves = flatten(record, N)
    assert json.loads(json.dumps(structure)) == structure
    assert same(unflatten(structure, leaves), record)


@pytest.mark.parametrize('record, message', [
    ([torch.tensor(1.)], 'batch of 3, a tensor of shape \\(\\) was'),
    ([ones(3), ones(2, 3)], 'batch of 3, a tensor of shape \\(2, 3\\)'),
    ([], 'nothing but \\[\\] was recorded'),
    ([None], 'nothing but \\[None\\] was recorded'),
    ([zeros(3, dtype=torch.int64)], 'a tensor of torch.int64 was recorded'),
    ([ones(3), 'text'], 'a str was recorded'),
    ({1: ones(3)}, 'text as keys, but a dict was recorded'),
    (torch.ones(3, 2).max(1), 'a max was recorded'),
])
def test_refused(record, message):
    with pytest.raises(ValueError, match=message):
        flatten(record, N)


def test_layouts_from_json_are_equal():
    layout = RecordLayout(dict(list=[0]), [torch.Size([4, 2]), ()])
    assert layout == RecordLayout(dict(list=[0]), [[4, 2], []])


@pytest.mark.parametrize('shapes, k, message', [
    ([(10, )], 10, 'from 1 to 9, one less than the number of classes, .* 10'),
    ([(10, )], 0, 'from 1 to 9, .* is 0'),
    ([(4, 2)], 3, 'the record has \\(n, 4, 2\\)'),
    ([(10, ), (10, )], 3, 'the record has \\(n, 10,\\), \\(n, 10,\\)'),
])
def test_top_k_that_does_not_fit(shapes, k, message):
    with pytest.raises(ValueError, match=message):
        RecordLayout(0, shapes, k)
