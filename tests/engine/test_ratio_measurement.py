import math

import numpy as np
import pytest

from mmcckd.engine.ratio_measurement import has_settled


@pytest.mark.parametrize('ratios, settled', [
    ([1.], False),
    ([1., 1.], True),
    ([1., 2.], False),
    ([9., 8., 1., 1.2], True),
    ([0., 0., 0., 0.], True),
    ([1., 1., 1., math.inf], True),
    (0.9**np.arange(100), False),  # by a factor of 14 in 25 iterations
    (0.99**np.arange(100), True),
    (1.03**np.arange(100), False),
])
def test_the_last_two_quarters_are_compared(ratios, settled):
    assert has_settled(ratios) == settled


def test_a_single_outlier_does_not_matter():
    ratios = np.ones(100)
    ratios[[60, 80]] = 1e3
    assert has_settled(ratios)
