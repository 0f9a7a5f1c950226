"""MMPretrain's windows are merged as before, for any batch size."""
import warnings

import pytest
import torch

from mmcckd.compat.mmpretrain_windows import (
    OWNERS,
    window_reverse,
    windows_of_any_batch,
)

IMAGES = torch.arange(4 * 8 * 12 * 5.).reshape(4, 8, 12, 5)


@pytest.mark.parametrize('owner', OWNERS, ids=lambda owner: owner.__name__)
def test_the_same_as_mmpretrain(owner):
    windows = owner.window_partition(IMAGES, 4)
    assert torch.equal(owner.window_reverse(windows, 8, 12, 4), IMAGES)
    assert torch.equal(window_reverse(windows, 8, 12, 4), IMAGES)


def of_a_trace(owner):
    """What four images become, by a graph that was traced on two."""

    def reverse(windows):
        return owner.window_reverse(windows, 8, 12, 4)

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of the tracer, about constants
        traced = torch.jit.trace(reverse, torch.randn(12, 4, 4, 5))
    return traced(owner.window_partition(IMAGES, 4))


@pytest.mark.parametrize('owner', OWNERS, ids=lambda owner: owner.__name__)
def test_the_workaround_is_still_needed(owner):
    original = owner.window_reverse
    assert of_a_trace(owner).shape == (2, 8, 12, 10)
    with windows_of_any_batch():
        assert torch.equal(of_a_trace(owner), IMAGES)
    with pytest.raises(KeyError), windows_of_any_batch():
        raise KeyError
    assert owner.window_reverse is original
