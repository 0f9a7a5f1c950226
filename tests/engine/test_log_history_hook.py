import json

import pytest
import torch
from mmengine.runner import Runner

from mmcckd.engine.hooks import log_history_hook
from tests.checkpoints import read


class Model(torch.nn.Module):
    """Its loss is the number of the iteration."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.steps = 0

    def train_step(self, data, optim_wrapper):
        self.steps += 1
        return dict(loss=torch.tensor(float(self.steps)))


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train 12 iterations with a short history, and return the histories of
    the checkpoint and what was logged."""
    monkeypatch.setattr(log_history_hook, 'MIN_LENGTH', 5)

    def train_one(name='run', hooks=('LogHistoryHook', ), samples=3,
                  prepare=lambda runner: None, **log_processor):
        runner = Runner(
            Model(),
            str(tmp_path / name),
            train_dataloader=dict(
                dataset=torch.utils.data.TensorDataset(torch.zeros(samples)),
                sampler=dict(type='DefaultSampler', shuffle=False),
                batch_size=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            train_cfg=dict(by_epoch=True, max_epochs=12 // samples),
            default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
            custom_hooks=[dict(type=hook) for hook in hooks],
            log_processor=dict(window_size=4, **log_processor),
            experiment_name=f'{tmp_path.name} {name}',
            log_level='ERROR')
        prepare(runner)
        runner.train()
        (log, ) = (tmp_path / name).rglob('scalars.json')
        logged = [json.loads(line) for line in log.read_text().splitlines()]
        last = read(tmp_path / name / f'epoch_{12 // samples}.pth')
        histories = last['message_hub']['log_scalars']
        return histories, [(row['loss'], row['step']) for row in logged]

    return train_one


def losses(histories):
    return histories['train/loss'].data[0].tolist()


def test_keeps_the_last_values(train):
    histories, logged = train()
    assert losses(histories) == [8, 9, 10, 11, 12]
    assert {len(history.data[0]) for history in histories.values()} == {5}
    everything, expected = train('all', hooks=())
    assert losses(everything) == list(range(1, 13))
    assert logged == expected and len(logged) == 12


@pytest.mark.parametrize('length, log_processor', [
    (7, dict(custom_cfg=[
        dict(data_src='loss', method_name='mean', window_size=7)])),
    (6, dict(samples=6)),
    (5, dict(custom_cfg=[
        dict(data_src='loss', method_name='mean', window_size='epoch')])),
    (12, dict(custom_cfg=[
        dict(data_src='loss', method_name='mean', window_size='global')])),
    (12, dict(custom_cfg=[
        dict(data_src='loss', log_name='best', method_name='min')])),
])
def test_keeps_as_many_as_the_log_needs(train, length, log_processor):
    histories, logged = train(**log_processor)
    _, expected = train('all', hooks=(), **log_processor)
    assert losses(histories) == list(range(1, 13))[-length:]
    assert logged == expected


def test_leaves_a_history_with_another_length(train):

    def prepare(runner):
        runner.message_hub.update_scalar('train/loss', 0.)
        runner.message_hub.get_scalar('train/loss').max_length = 11

    histories, _ = train(prepare=prepare)
    assert losses(histories) == list(range(2, 13))
    assert len(histories['train/lr'].data[0]) == 5
