"""A rank that ends, fails or stops also ends the others, with a message.

KILLS is the number of kills, KILL_SEED makes them the same.
"""
import functools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from processes import as_slurm_rank, free_port
from run_folders import assert_same_end
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
train_dataloader = dict(num_workers=1, persistent_workers=True)
default_hooks = dict(
    logger=dict(interval=1), checkpoint=dict(interval=1))
train_cfg = dict(max_epochs=3, val_interval=1)
"""

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason='NCCL needs a GPU for each rank')


@pytest.fixture(scope='module')
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp('recipe') / 'recipe.py'
    path.write_text(RECIPE)
    return path


def start(recipe, work_dir, *arguments, ranks=(0, 1), machines=None):
    """Start ranks as Slurm does, so that nothing else would end them.

    Each runs on one of the machines, or all of them on this one.
    """
    port = free_port()
    return [
        TrainingProcess(
            recipe,
            work_dir,
            '--launcher',
            'slurm',
            *arguments,
            prepare=functools.partial(as_slurm_rank, rank, 2, port, machines),
            log_name=f'rank{rank}.txt')
        for rank in ranks
    ]


def timeout(seconds):
    return ['--cfg-options', f'env_cfg.dist_cfg.timeout={seconds}']


@pytest.fixture(scope='module')
def undisturbed(recipe, tmp_path_factory):
    """The work dir of an undisturbed run."""
    work_dir = tmp_path_factory.mktemp('undisturbed')
    succeed(start(recipe, work_dir))
    return work_dir


def succeed(ranks):
    for rank in ranks:
        rank.succeed()


def ends(rank, number):
    """A rank ends within a minute after another one, and says why."""
    assert rank.wait(60) == 1, rank.log[-3000:]
    assert f'Rank {number} {MESSAGE}' in rank.log


@pytest.mark.parametrize('number', range(KILLS))
def test_a_killed_rank(number, recipe, undisturbed, tmp_path,
                       record_property):
    """The other ends, and the resumed run loses nothing."""
    seed = int(os.environ.get('KILL_SEED', time.time_ns() % 10**9))
    print(f'KILL_SEED={seed}')  # if the test fails
    rng = random.Random(seed + number)
    # At the last lines, the run might end before it is killed.
    line = rng.choice(
        re.findall(r'Epoch.*?\d/\d\]',
                   (undisturbed / 'rank0.txt').read_text())[:-4])
    ranks = start(recipe, tmp_path)
    ranks[0].wait_for(line, 120)
    time.sleep(rng.uniform(0, 0.1))
    killed = number % 2
    ranks[killed].signal(signal.SIGKILL)
    begin = time.monotonic()
    ends(ranks[1 - killed], 1 - killed)
    seconds = time.monotonic() - begin

    # Before the first checkpoint, there is nothing to resume.
    resume = ['--resume'] * (tmp_path / 'last_checkpoint').exists()
    succeed(start(recipe, tmp_path, *resume))
    assert_same_end(tmp_path, undisturbed)
    record_property(
        'figures', f'KILL_SEED={seed}, 2 ranks: rank {killed} was killed '
        f'after {line}, the other ended after {seconds:.1f} s; the '
        f'{"resumed" if resume else "repeated"} run ended with the same '
        'weights.')


@pytest.mark.slow
def test_a_rank_that_fails(recipe, tmp_path):
    ranks = start(recipe, tmp_path)
    ranks[0].wait_for('Epoch(train) [2]')
    ranks[1].signal(signal.SIGINT)  # raises KeyboardInterrupt
    assert ranks[1].wait(60) == 1
    ends(ranks[0], 0)


@pytest.mark.slow
def test_a_rank_that_stops(recipe, tmp_path):
    """It does not close its connections, as a machine that fails."""
    ranks = start(recipe, tmp_path, *timeout(20))
    ranks[0].wait_for('Epoch(train) [2]')
    ranks[1].signal(signal.SIGSTOP)
    begin = time.monotonic()
    try:
        ends(ranks[0], 0)
        assert time.monotonic() - begin > 15
        # The connector that gathers is not the cause.
        assert 'does not accept' not in ranks[0].log
    finally:
        ranks[1].signal(signal.SIGCONT)
    ends(ranks[1], 1)


@pytest.mark.slow
def test_a_rank_that_never_starts(recipe, tmp_path):
    rank, = start(recipe, tmp_path, *timeout(2), ranks=[0])
    assert rank.wait(60) == 1
    assert MESSAGE in rank.log


@pytest.fixture
def machines():
    """Two network namespaces, joined as two machines by a cable."""
    if os.geteuid() != 0 or shutil.which('ip') is None:
        pytest.skip('only root creates network namespaces, by the command ip')
    names = [f'mmcckd{i}-{os.getpid()}' for i in range(2)]
    try:
        for name in names:
            ip('netns', 'add', name)
        ip('link', 'add', 'cable', 'netns', names[0], 'type', 'veth', 'peer',
           'name', 'cable', 'netns', names[1])
        for name, address in zip(names, ('10.77.0.1/24', '10.77.0.2/24')):
            ip('-n', name, 'addr', 'add', address, 'dev', 'cable')
            ip('-n', name, 'link', 'set', 'cable', 'up')
            ip('-n', name, 'link', 'set', 'lo', 'up')
        yield names
    except subprocess.CalledProcessError as error:
        pytest.skip(f'no network namespaces: {error}')
    finally:
        for name in names:
            subprocess.run(['ip', 'netns', 'del', name], check=False)


def ip(*arguments):
    subprocess.run(['ip', *arguments], check=True)


def test_a_link_between_machines_that_is_cut(recipe, undisturbed, machines,
                                             tmp_path):
    """The long form is tools/check_machines.sh."""
    ranks = start(recipe, tmp_path, *timeout(20), machines=machines)
    ranks[0].wait_for('Epoch(train) [2]')
    ip('-n', machines[1], 'link', 'set', 'cable', 'down')
    for number, rank in enumerate(ranks):
        ends(rank, number)
    ip('-n', machines[1], 'link', 'set', 'cable', 'up')
    succeed(start(recipe, tmp_path, '--resume', machines=machines))
    assert_same_end(tmp_path, undisturbed)


@pytest.mark.slow
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
