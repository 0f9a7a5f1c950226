"""Means with intervals, paired tests, and their correction."""
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np
from scipy import stats


def mean_interval(values: Sequence[float]) -> Tuple[float, float]:
    """The mean, and half the width of its 95 % interval (Student's t).

    Args:
        values (Sequence[float]): Of several seeds, (n, ).

    Returns:
        Tuple[float, float]: The latter is nan for n < 2.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n < 2:
        return float(values.mean()), float('nan')
    return float(values.mean()), float(
        stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))


class PairedTest(NamedTuple):
    """Of the mean difference of pairs.

    Args:
        difference (float): The mean.
        half_width (float): Of its 95 % interval.
        p (float): Two-sided, of Student's t.
    """
    difference: float
    half_width: float
    p: float


def paired_test(ours: Sequence[float],
                theirs: Sequence[float]) -> PairedTest:
    """Compare two rows seed by seed.

    Args:
        ours (Sequence[float]): (n, ).
        theirs (Sequence[float]): With the same seeds, (n, ).
    """
    differences = np.asarray(ours, float) - np.asarray(theirs, float)
    mean, half_width = mean_interval(differences)
    if differences.any():
        p = float(stats.ttest_1samp(differences, 0).pvalue)
    else:
        p = 1.0
    return PairedTest(mean, half_width, p)


def holm(p_values: Sequence[float]) -> List[float]:
    """Correct for the number of tests (Holm, 1979): p times the tests that
    are left, from the least p on, and no less than the one before it."""
    order = np.argsort(p_values)
    corrected = np.empty(len(order))
    corrected[order] = np.maximum.accumulate(
        np.minimum(1, np.asarray(p_values)[order] *
                   np.arange(len(order), 0, -1)))
    return corrected.tolist()
