"""Rows at several points of an axis, and iterations to reach an accuracy."""
import numpy as np
import pytest

from mmcckd.studies import Row
from mmcckd.studies.points import expand_points
from mmcckd.studies.steps_to_reach import first_reached

ROWS = dict(
    KD=Row('kd.py', settings=[{'lr': 1}]),
    CC=Row('cc.py', {'beta': 5}, beats=['KD']))


def test_rows_by_budget():
    rows = expand_points(ROWS, dict(short=10, long=40), ['max_iters', 'T'])
    assert list(rows) == ['KD, short', 'CC, short', 'KD, long', 'CC, long']
    assert rows['CC, long'] == Row(
        'cc.py', {'beta': 5, 'max_iters': 40, 'T': 40}, beats=['KD, long'],
        value=40, line='CC')
    assert rows['KD, short'].settings == ROWS['KD'].settings


def test_a_point_with_options():
    rows = expand_points(
        ROWS, dict(wide=dict(value=16, options={'width': 16, 'lr': 2})), [])
    assert rows['KD, wide'].options == {'width': 16, 'lr': 2}
    assert rows['KD, wide'].value == 16


def test_without_points():
    assert expand_points(ROWS, {}, []) == ROWS


@pytest.mark.parametrize('point, sets, message', [
    ('10', ['a'], "point 'p' must be a number, or a mapping .* is '10'"),
    (True, ['a'], 'must be a number'),
    (dict(options={}), ['a'], 'must be a number'),
    (dict(value=1, option={}), ['a'], 'must be a number'),
    (10, [], "point 'p' sets no option"),
])
def test_bad_points(point, sets, message):
    with pytest.raises(ValueError, match=message):
        expand_points(ROWS, dict(p=point), sets)


@pytest.mark.parametrize('points, sets, message', [
    ([10, 40], ['a'], r'points must be a mapping .* is \[10, 40\]'),
    ({}, ['a', 'b'], 'sets names a, b, but there are no points'),
])
def test_no_points(points, sets, message):
    with pytest.raises(ValueError, match=message):
        expand_points(ROWS, points, sets)


@pytest.mark.parametrize('level, expected', [
    (5, '≤ 100'),
    (10, '≤ 100'),
    (15, '200'),  # half way in the logarithm of 100 and 400
    (20, '400'),
    (30, '1,200'),
    (31, '> 1,200'),
])
def test_first_reached(level, expected):
    found = first_reached(
        np.array([100, 400, 1200]), np.array([10., 20, 30]), level)
    assert found == expected
