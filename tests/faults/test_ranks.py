"""A rank that ends, fails or stops also ends the others, with a message."""
import functools
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.runner import CheckpointLoader
from processes import as_slurm_rank, free_port
from training_process import TrainingProcess

ROOT = Path(__file__).parent.parent.parent
KILLS = int(os.environ.get('KILLS', 1))
MESSAGE = 'ends after an error in the communication with the other ranks'
RECIPE = f"""
_base_ = {str(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')!r}
kernel = dict(type='GaussianRBFKernelConnector', gamma=0.4, order=2,
              gather=True)
model = dict(
    teacher_ckpt=None,
    distiller=dict(connectors=dict(
        kernel_s=[{{{{_base_.projection}}}}, kernel], kernel_t=kernel)))
train_dataloader = dict(
    num_workers=1,
    persistent_workers=True,
    dataset=dict(indices=320))
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
default_hooks = dict(
    logger=dict(interval=1), checkpoint=dict(interval=1))
train_cfg = dict(max_epochs=4)
"""

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason='NCCL needs a GPU for each rank')


@pytest.fixture(scope='module')
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp('recipe') / 'recipe.py'
    path.write_text(RECIPE)
    return path


def start(recipe, work_dir, *arguments, ranks=(0, 1)):
    """Start ranks as Slurm does, so that nothing else would end them."""
    port = free_port()
    return [
        TrainingProcess(
            recipe,
            work_dir,
            '--launcher',
            'slurm',
            *arguments,
            prepare=functools.partial(as_slurm_rank, rank, 2, port))
        for rank in ranks
    ]


def timeout(seconds):
    return ['--cfg-options', f'env_cfg.dist_cfg.timeout={seconds}']


@pytest.fixture(scope='module')
def undisturbed(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp('undisturbed')
    for rank in start(recipe, folder):
        rank.succeed()
    return weights(folder)


def weights(folder):
    return CheckpointLoader.load_checkpoint(
        str(folder / 'epoch_4.pth'), 'cpu')['state_dict']


@pytest.mark.parametrize('number', range(KILLS))
def test_a_killed_rank(number, recipe, undisturbed, tmp_path):
    """The other ends at once, and the resumed run loses nothing."""
    seed = random.SystemRandom().randrange(10**6)
    print('seed:', seed)
    delay = random.Random(seed).uniform(0, 1)
    ranks = start(recipe, tmp_path)
    ranks[0].wait_for('Epoch(train) [2]')
    time.sleep(delay)
    killed = number % 2
    ranks[killed].signal(signal.SIGKILL)
    left = ranks[1 - killed]
    status = left.wait(60)
    if status:  # otherwise, the run had just ended
        assert f'Rank {1 - killed} {MESSAGE}' in left.log

    for rank in start(recipe, tmp_path, '--resume'):
        rank.succeed()
    resumed = weights(tmp_path)
    assert resumed.keys() == undisturbed.keys()
    for name, tensor in undisturbed.items():
        assert torch.equal(tensor, resumed[name]), name


def test_a_rank_that_fails(recipe, tmp_path):
    ranks = start(recipe, tmp_path)
    ranks[0].wait_for('Epoch(train) [2]')
    ranks[1].signal(signal.SIGINT)  # raises KeyboardInterrupt
    assert [rank.wait(60) for rank in ranks] == [1, 1]
    assert f'Rank 0 {MESSAGE}' in ranks[0].log


def test_a_rank_that_stops(recipe, tmp_path):
    """It does not close its connections, as a machine that fails."""
    ranks = start(recipe, tmp_path, *timeout(4))
    ranks[0].wait_for('Epoch(train) [2]')
    ranks[1].signal(signal.SIGSTOP)
    begin = time.monotonic()
    try:
        assert ranks[0].wait(60) == 1
        assert time.monotonic() - begin > 3
        assert f'Rank 0 {MESSAGE}' in ranks[0].log
        # The connector that gathers is not the cause.
        assert 'does not accept' not in ranks[0].log
    finally:
        ranks[1].signal(signal.SIGCONT)
    assert ranks[1].wait(60) == 1
    assert f'Rank 1 {MESSAGE}' in ranks[1].log


def test_a_rank_that_never_starts(recipe, tmp_path):
    rank, = start(recipe, tmp_path, *timeout(2), ranks=[0])
    assert rank.wait(60) == 1
    assert MESSAGE in rank.log


def test_a_killed_rank_of_torchrun(recipe, tmp_path):
    """Through dist_train.sh: the launcher ends as well, and names the rank."""
    log = tmp_path / 'log.txt'
    with open(log, 'w') as file:
        launcher = subprocess.Popen(
            [
                'bash', ROOT / 'tools/dist_train.sh', recipe, '2',
                '--work-dir', tmp_path, '--cfg-options',
                'train_cfg.max_epochs=100'
            ],
            env=dict(os.environ, PYTHON=sys.executable, PORT=free_port(),
                     OMP_NUM_THREADS='1'),
            stdout=file,
            stderr=subprocess.STDOUT)
    while not re.search(r'Epoch\(train\) +\[2\]', log.read_text()):
        assert launcher.poll() is None, log.read_text()
        time.sleep(0.1)
    ranks = subprocess.check_output(
        ['pgrep', '-P', str(launcher.pid), '-f', 'train.py'], text=True)
    killed = ranks.split()[1]
    os.kill(int(killed), signal.SIGKILL)
    assert launcher.wait(60) == 1
    text = log.read_text()
    assert f'Signal 9 (SIGKILL) received by PID {killed}' in text
    assert re.search(rf'Rank [01] {MESSAGE}', text) or 'SIGTERM' in text
