"""Runs that receive SIGTERM are saved, and continue where they stopped."""
import signal
from functools import partial

import pytest
from disturbances import be_rank, be_terminated_rank, send_in
from mmengine.config import Config
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, ValLoop
from processes import free_port
from run_folders import assert_equal, assert_same_end, last_checkpoint
from training_process import TrainingProcess

STATUS = 143
SAVED = 'SIGTERM was received. The run was saved'


@pytest.mark.parametrize(
    'recipe', [pytest.param('digits', marks=pytest.mark.slow), 'msmt17'],
    indirect=True)
def test_all_processes_of_a_job_get_the_signal(recipe, tmp_path):
    """Also the workers that load data, which go on."""
    run = recipe.start(tmp_path)
    run.wait_for('Epoch(train) [2][')
    run.signal(signal.SIGTERM, group=True)
    assert run.wait() == STATUS, run.log[-3000:]
    assert f'{SAVED} to {tmp_path}/interrupted.pth after iteration' in run.log
    saved = last_checkpoint(tmp_path)['meta']
    assert saved['iter'] > saved['epoch'] >= 1
    recipe.start(tmp_path, '--resume').succeed()
    assert_same_end(tmp_path, recipe.undisturbed)


@pytest.mark.parametrize(
    'iterations', [pytest.param(2, marks=pytest.mark.slow), 4])
def test_the_first_and_the_last_iteration_of_an_epoch(iterations, digits,
                                                      tmp_path):
    """An epoch has 5; and twice in the same epoch."""
    run = digits.start(tmp_path, prepare=partial(
        send_in, EpochBasedTrainLoop, 0))
    assert run.wait() == STATUS
    assert last_checkpoint(tmp_path)['meta']['iter'] == 1
    run = digits.start(tmp_path, '--resume', prepare=partial(
        send_in, EpochBasedTrainLoop, iterations - 1))
    assert run.wait() == STATUS
    saved = last_checkpoint(tmp_path)['meta']
    assert (saved['epoch'], saved['iter']) == (0, 1 + iterations)
    digits.start(tmp_path, '--resume').succeed()
    assert_same_end(tmp_path, digits.undisturbed)


@pytest.mark.parametrize('number, status', [(signal.SIGTERM, STATUS),
                                            (signal.SIGKILL, -9)])
def test_the_last_validation_is_not_lost(number, status, digits, tmp_path):
    last = 2 * 6 - 2  # of 2 batches in each of 6 epochs
    run = digits.start(
        tmp_path, prepare=partial(send_in, ValLoop, last, number))
    assert run.wait() == status, run.log[-3000:]
    assert not (tmp_path / 'interrupted.pth').exists()
    resumed = digits.start(tmp_path, '--resume')
    resumed.succeed()
    assert 'Epoch(val) [6][2/2]' in resumed.log
    assert_same_end(tmp_path, digits.undisturbed)


@pytest.mark.slow
def test_a_loop_that_counts_iterations(digits, tmp_path):
    cfg = Config.fromfile(digits.config)
    cfg.train_cfg = dict(by_epoch=False, max_iters=12, val_interval=4)
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=4)
    cfg.log_processor = dict(by_epoch=False)
    cfg.dump(tmp_path / 'config.py')
    start = partial(TrainingProcess, tmp_path / 'config.py')
    start(tmp_path / 'undisturbed').succeed()
    cut = tmp_path / 'cut'
    run = start(cut, prepare=partial(send_in, IterBasedTrainLoop, 6))
    assert run.wait() == STATUS, run.log[-3000:]
    assert last_checkpoint(cut)['meta']['iter'] == 7
    start(cut, '--resume').succeed()
    assert_same_end(cut, tmp_path / 'undisturbed')


@pytest.mark.slow
@pytest.mark.parametrize('options', [
    dict(runner_type='FlexibleRunner'),
    dict(custom_hooks=[dict(type='EMAHook', momentum=0.1)]),
    {
        'train_dataloader.num_workers': 2,
        'train_dataloader.persistent_workers': True
    },
    {'optim_wrapper.accumulative_counts': 2},
], ids=['flexible', 'ema', 'persistent', 'accumulated'])
def test_other_settings(options, digits, tmp_path):
    cfg = Config.fromfile(digits.config)
    cfg.merge_from_dict(options)
    cfg.dump(tmp_path / 'config.py')
    start = partial(TrainingProcess, tmp_path / 'config.py')
    start(tmp_path / 'undisturbed').succeed()
    cut = tmp_path / 'cut'
    run = start(cut, prepare=partial(send_in, EpochBasedTrainLoop, 12))
    assert run.wait() == STATUS, run.log[-3000:]
    start(cut, '--resume').succeed()
    assert_same_end(cut, tmp_path / 'undisturbed')
    # Killed in the last validation; FlexibleRunner saves it another way.
    killed = tmp_path / 'killed'
    run = start(killed, prepare=partial(send_in, ValLoop, 11, 9))
    assert run.wait() == -9
    start(killed, '--resume').succeed()
    assert_same_end(killed, tmp_path / 'undisturbed')


@pytest.mark.slow
def test_gradients_are_not_cut_off(digits, tmp_path):
    run = digits.start(
        tmp_path,
        '--cfg-options',
        'optim_wrapper.accumulative_counts=4',
        prepare=partial(send_in, EpochBasedTrainLoop, 5))
    assert run.wait() == STATUS
    assert last_checkpoint(tmp_path)['meta']['iter'] == 8


def test_other_batches_are_an_error(digits, tmp_path):
    run = digits.start(
        tmp_path, prepare=partial(send_in, EpochBasedTrainLoop, 1))
    assert run.wait() == STATUS
    run = digits.start(tmp_path, '--resume', '--cfg-options',
                       'train_dataloader.dataset.samples_per_class=8')
    assert run.wait() == 1
    assert ('was saved within an epoch, in a run of 1 processes with 5 '
            'batches per epoch. This run has 1 processes with 2') in run.log


def test_two_processes_stop_together(digits, tmp_path):
    """If only one of them gets the signal."""

    def start(work_dir, role, *arguments):
        port = free_port()
        runs = [
            digits.start(
                tmp_path / work_dir,
                '--launcher',
                'pytorch',
                *arguments,
                '--cfg-options',
                'train_dataloader.dataset.samples_per_class=40',
                prepare=partial(role, rank, port)) for rank in range(2)
        ]
        return [run.wait() for run in runs], runs[0].log

    assert start('undisturbed', be_rank)[0] == [0, 0]
    statuses, log = start('cut', be_terminated_rank)
    assert statuses == 2 * [STATUS], log[-3000:]
    saved = last_checkpoint(tmp_path / 'cut')
    # sent in iteration 9, exchanged after 11, read after 21
    assert saved['meta']['iter'] == 21
    assert len(saved['interrupted']['of_ranks']) == 2
    assert start('cut', be_rank, '--resume')[0] == [0, 0]
    assert_same_end(tmp_path / 'cut', tmp_path / 'undisturbed')


def test_random_states():
    import numpy as np
    import torch

    from mmcckd.engine.random_states import (
        get_random_states,
        set_random_states,
    )

    def draw():
        return torch.rand(2), np.random.rand(2).tolist(), np.random.randn()

    draw()
    states = get_random_states()
    first = draw()
    assert not any(np.array_equal(a, b) for a, b in zip(first, draw()))
    set_random_states(states)
    assert_equal(first, draw())
