import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mmcckd.studies.paired_test import (
    holm,
    mean_interval,
    paired_test,
    teacher_means,
)


def test_interval_by_hand():
    # t(0.975, 2) = 4.302653, standard deviation 1
    mean, half = mean_interval([1, 2, 3])
    assert mean == 2
    assert half == pytest.approx(4.302653 / np.sqrt(3), abs=1e-6)


def test_one_value_has_no_interval():
    mean, half = mean_interval([7])
    assert mean == 7 and np.isnan(half)


def test_interval_covers_the_mean():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        mean, half = mean_interval(rng.normal(5, 2, 8))
        covered += abs(mean - 5) <= half
    assert 930 <= covered <= 970


def test_paired_test_is_scipys():
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(size=(2, 20))
    expected = stats.ttest_rel(ours, theirs)
    test = paired_test(ours, theirs)
    assert test.p == pytest.approx(expected.pvalue, rel=1e-9)
    low, high = expected.confidence_interval()
    assert test.difference == pytest.approx((low + high) / 2)
    assert test.half_width == pytest.approx((high - low) / 2)


def test_equal_rows_differ_by_nothing():
    assert paired_test([1, 2], [1, 2]) == (0, 0, 1)


def test_one_pair_shows_nothing():
    test = paired_test([2], [1])
    assert test.difference == 1 and np.isnan(test.half_width) and test.p == 1


def test_teacher_means_by_hand():
    # Seeds 0, 2, 4 have teacher 0, and seeds 1, 3 have teacher 1.
    np.testing.assert_array_equal(
        teacher_means([1, 10, 2, 20, 6], 2), [3, 15])
    np.testing.assert_array_equal(teacher_means([1, 2], 5), [1, 2])


def test_students_of_a_teacher_are_not_independent():
    """A test by teacher has its level; one by seed rejects too often."""
    rng = np.random.default_rng(0)
    rejected = dict(teachers=0, seeds=0)
    for _ in range(400):
        teachers = np.tile(rng.normal(size=5), 4)  # no effect on average
        ours = teachers + 0.5 * rng.normal(size=20)
        means = teacher_means(ours, 5)
        rejected['seeds'] += paired_test(ours, np.zeros(20)).p < 0.05
        rejected['teachers'] += paired_test(means, np.zeros(5)).p < 0.05
    assert rejected['teachers'] < 0.08 * 400
    assert rejected['seeds'] > 0.2 * 400


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_against_its_definition(p_values):
    """A hypothesis is rejected at a level if and only if its and all lesser
    p-values stand below level / (number left)."""
    corrected = holm(p_values)
    ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for level in (0.01, 0.05, 0.3):
        rejected, alive = set(), True
        for rank, i in enumerate(ranked):
            alive = alive and p_values[i] * (len(ranked) - rank) <= level
            if alive:
                rejected.add(i)
        assert rejected == {
            i for i, p in enumerate(corrected) if p <= level
        }
