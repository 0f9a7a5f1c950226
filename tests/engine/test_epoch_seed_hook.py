import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, RepeatDataset
from mmengine.registry import TRANSFORMS
from torch.utils.data import DataLoader

from mmcckd.engine import EpochSeedHook


@TRANSFORMS.register_module()
class Draw:
    """A transform that draws from each generator."""

    def __call__(self, data):
        return torch.tensor(
            [random.random(), np.random.rand(), torch.rand(()).item()])


class Ten(BaseDataset):

    def load_data_list(self):
        return [dict(i=i) for i in range(10)]


def run(epochs, workers=0, persistent=False, seed=0, rank=0, repeat=False):
    """What the samples and the main process draw in each of the epochs."""
    dataset = Ten(pipeline=[dict(type='Draw')])
    if repeat:
        dataset = RepeatDataset(dataset, 1)
    loader = DataLoader(
        dataset,
        batch_size=2,
        num_workers=workers,
        persistent_workers=persistent)
    runner = SimpleNamespace(
        train_dataloader=loader, seed=seed, rank=rank, epoch=None)
    hook = EpochSeedHook()
    hook.before_train(runner)
    drawn = {}
    for runner.epoch in epochs:
        hook.before_train_epoch(runner)
        rows = []
        for i, batch in enumerate(loader):
            hook.before_train_iter(runner, i, batch)
            rows += [batch, torch.rand(1, 3)]  # as a model with dropout does
        drawn[runner.epoch] = torch.cat(rows)
        torch.rand(7)  # whatever a validation draws
    return drawn


@pytest.mark.parametrize('arguments', [
    dict(),
    dict(repeat=True),
    dict(workers=2),
    dict(workers=2, persistent=True),
])
def test_an_epoch_does_not_depend_on_those_before(arguments):
    undisturbed = run(range(3), **arguments)
    resumed = run([2], **arguments)
    assert torch.equal(undisturbed[2], resumed[2])
    # Nothing is drawn twice: not in an epoch, nor in two.
    numbers = torch.cat(list(undisturbed.values())).flatten()
    assert len(numbers.unique()) == len(numbers) == 3 * 45


def test_the_seed_and_the_rank_matter():
    one = run([0])[0]
    assert torch.equal(one, run([0])[0])
    assert not torch.isin(run([0], seed=1)[0], one).any()
    assert not torch.isin(run([0], rank=1)[0], one).any()


def test_transforms_can_still_be_seen():
    dataset = Ten(pipeline=[dict(type='Draw')])
    EpochSeedHook().before_train(
        SimpleNamespace(
            train_dataloader=DataLoader(dataset), seed=0, rank=0, epoch=0))
    assert isinstance(dataset.pipeline.transforms[0], Draw)
