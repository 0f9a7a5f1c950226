"""The samplers for wrong and valid arguments; what valid batches are like is
tested in datasets/test_uniform_samplers.py."""
from collections import Counter
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.datasets import CURSampler

from .outcomes import fuzz, outcome

NUMBERS = st.integers(-1, 12) | st.sampled_from(
    [None, True, 1.0, 2.5, '2', np.int64(4), [2]])
LABELS = st.lists(st.integers(-3, 3), max_size=30).map(np.array) | st.lists(
    st.sampled_from([0, 1, 1.0, .5, None, 'a', [0], [1], [0, 1], 2**70]),
    max_size=8)


class Labeled:

    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def get_gt_labels(self):
        return self.labels


@given(
    labels=LABELS,
    batch_size=NUMBERS,
    k=NUMBERS,
    world_size=st.integers(1, 3),
    seed=st.integers(0, 2**63),
    epoch=st.integers(0, 10**6))
@fuzz
def test_arguments(labels, batch_size, k, world_size, seed, epoch):
    """An error, or batches of k samples of each class that are equally many on
    all ranks."""
    samplers = outcome(
        lambda: [
            CURSampler(
                SimpleNamespace(
                    dataset=Labeled(labels),
                    seed=seed,
                    epoch=epoch,
                    rank=rank,
                    world_size=world_size), batch_size, k)
            for rank in range(world_size)
        ], '', TypeError, ValueError)
    if samplers is None:
        return
    plans = [list(sampler) for sampler in samplers]
    assert {len(plan) for plan in plans} == {len(samplers[0])}
    for batch in sum(plans, []):
        assert len(batch) == batch_size
        sizes = Counter(str(np.ravel(labels[i])[0]) for i in batch)
        assert set(sizes.values()) == {k}
