import time

import pytest
from mmengine.dataset import DefaultSampler
from mmengine.runner import loops
from torch.utils.data import DataLoader


@pytest.fixture
def pauses(monkeypatch):
    """The pauses, in seconds, instead of which nothing is done."""
    pauses = []
    monkeypatch.setattr(time, 'sleep', pauses.append)
    return pauses


def passes(iterator, num_batches, num_passes):
    return [[next(iterator).tolist() for _ in range(num_batches)]
            for _ in range(num_passes)]


def test_no_pause_without_workers(pauses, log):
    """And the sampler still gets the number of the pass."""
    data = list(range(6))
    sampler = DefaultSampler(data, shuffle=True, seed=0)
    loader = DataLoader(data, batch_size=2, sampler=sampler)
    seen = passes(loops._InfiniteDataloaderIterator(loader), 3, 3)
    assert not pauses
    assert not log.records
    assert sampler.epoch == 2
    for epoch, batches in enumerate(seen):
        sampler.set_epoch(epoch)
        assert sum(batches, []) == list(sampler)
    assert loops.time is time


def test_a_pause_with_workers(pauses):
    """If this fails, compat/mmengine_pauses.py can be deleted."""
    loader = DataLoader(range(4), batch_size=2, num_workers=1)
    seen = passes(loops._InfiniteDataloaderIterator(loader), 2, 2)
    assert seen == 2 * [[[0, 1], [2, 3]]]
    assert 2 in pauses


def test_an_error_of_the_data_set_is_passed_on(pauses):
    class Broken(list):
        def __getitem__(self, index):
            raise RuntimeError('broken')

    loader = DataLoader(Broken([1]), batch_size=1)
    with pytest.raises(RuntimeError, match='broken'):
        next(loops._InfiniteDataloaderIterator(loader))
