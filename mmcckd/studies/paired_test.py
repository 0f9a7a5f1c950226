"""Means with confidence intervals, and paired tests with their correction."""
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np
from scipy import stats


def mean_interval(values: Sequence[float]) -> Tuple[float, float]:
    """The mean and half the width of its 95 % interval (Student's t).

    Args:
        values (Sequence[float]): One value for each seed, (n, ).

    Returns:
        Tuple[float, float]: The second is nan for n < 2.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n < 2:
        return float(values.mean()), float('nan')
    return float(values.mean()), float(
        stats.t.ppf(0.975, n - 1) * stats.sem(values))


def teacher_means(values: Sequence[float], teachers: int) -> np.ndarray:
    """The mean of the values of each teacher.

    Students of the same teacher are not independent of each other. With the
    same number of seeds for each teacher, a t-test of these means is the exact
    test of a model in which teachers and seeds are random effects. With
    different numbers, it is approximate.

    Args:
        values (Sequence[float]): One value for each seed, (n, ). The student
            of seed s has teacher s modulo ``teachers``.
        teachers (int): Number of teachers.

    Returns:
        np.ndarray: (min(n, teachers), ).
    """
    values = np.asarray(values, dtype=np.float64)
    return np.array([
        values[teacher::teachers].mean()
        for teacher in range(min(len(values), teachers))
    ])


class PairedTest(NamedTuple):
    """A paired t-test.

    Args:
        difference (float): Mean difference of the pairs.
        half_width (float): Half the width of its 95 % interval.
        p (float): Two-sided p-value.
    """
    difference: float
    half_width: float
    p: float


def paired_test(ours: Sequence[float],
                theirs: Sequence[float]) -> PairedTest:
    """Compare two rows pair by pair.

    Args:
        ours (Sequence[float]): One value for each seed or teacher, (n, ).
        theirs (Sequence[float]): Values with the same ones, (n, ).

    Returns:
        PairedTest: The test; p is 1 if all pairs are equal, or there is only
        one.
    """
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    mean, half_width = mean_interval(ours - theirs)
    if len(ours) < 2 or np.array_equal(ours, theirs):
        return PairedTest(mean, half_width, 1.0)
    return PairedTest(mean, half_width,
                      float(stats.ttest_rel(ours, theirs).pvalue))


def holm(p_values: Sequence[float]) -> List[float]:
    """Correct p-values for the number of tests (Holm, 1979).

    In ascending order, the i-th of m p-values is multiplied by m − i + 1, and
    replaced with the corrected value before it if that is greater.
    """
    order = np.argsort(p_values)
    corrected = np.empty(len(order))
    corrected[order] = np.maximum.accumulate(
        np.minimum(1, np.asarray(p_values)[order] *
                   np.arange(len(order), 0, -1)))
    return corrected.tolist()
