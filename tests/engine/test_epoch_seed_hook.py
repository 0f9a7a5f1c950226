import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from mmengine.registry import TRANSFORMS
from mmengine.runner import Runner
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


def ten():
    return Ten(pipeline=[dict(type='Draw')])


def parts():
    """Ten, ten others, and the first ten again, in wrappers of wrappers."""
    one, other = ten(), ten()
    return torch.utils.data.ConcatDataset(
        [RepeatDataset(one, 1), ConcatDataset([other, one])])


def run(epochs, workers=0, persistent=False, seed=0, rank=0, dataset=None):
    """What the samples and the main process draw in each of the epochs."""
    loader = DataLoader(
        dataset or ten(),
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
    dict(dataset=RepeatDataset(ten(), 1)),
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


@pytest.mark.parametrize('arguments', [
    dict(),
    dict(workers=2),
    dict(workers=2, persistent=True),
])
def test_parts_of_a_data_set_draw_from_one_stream(arguments):
    undisturbed = run(range(3), dataset=parts(), **arguments)
    numbers = torch.cat(list(undisturbed.values())).flatten()
    assert len(numbers.unique()) == len(numbers) == 3 * (30 + 15) * 3
    resumed = run([2], dataset=parts(), **arguments)
    assert torch.equal(undisturbed[2], resumed[2])


def test_a_data_set_that_gets_a_batch_at_once_still_does():

    class AtOnce(Ten):

        def __getitems__(self, indices):
            return [self[i] + 1 for i in indices]

    dataset = AtOnce(pipeline=[dict(type='Draw')])
    drawn = run([0], workers=1, dataset=dataset)[0]
    samples = drawn.reshape(5, 3, 3)[:, :2]
    assert (samples >= 1).all() and (samples < 2).all()


def test_training_twice_is_as_training_once():
    dataset = ten()
    once, again = (run([0, 1], workers=1, dataset=dataset) for _ in range(2))
    assert all(torch.equal(once[epoch], again[epoch]) for epoch in (0, 1))


def test_a_pipeline_may_be_changed():
    """As MMPretrain's SwitchRecipeHook does, at the start of an epoch."""
    dataset = ten()
    expected = run([1], workers=1)[1]
    dataset.pipeline = lambda data: Draw()(data)  # noqa: PLW0108
    assert torch.equal(run([1], workers=1, dataset=dataset)[1], expected)
    assert isinstance(ten().pipeline.transforms[0], Draw)


class DrawnSums(torch.nn.Module):
    """A model that keeps what it is shown."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def train_step(self, data, optim_wrapper):
        self.seen.append(torch.stack(data))
        return dict()


def test_a_loop_by_iterations_repeats_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    model = DrawnSums()
    Runner(
        model,
        str(tmp_path),
        train_dataloader=dict(
            dataset=ten(),
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_size=2,
            num_workers=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.)),
        train_cfg=dict(by_epoch=False, max_iters=20),
        custom_hooks=[dict(type='EpochSeedHook')],
        randomness=dict(seed=0),
        experiment_name=tmp_path.name,
        log_level='ERROR').train()
    numbers = torch.cat(model.seen).flatten()
    assert len(numbers.unique()) == len(numbers) == 20 * 2 * 3
