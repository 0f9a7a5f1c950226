"""Runs that are killed and resumed end as if nothing had happened.

KILLS is the number of kills of each recipe, KILL_SEED makes them the same.
"""
import os
import random
import signal
import time

import pytest
from run_folders import assert_complete, assert_same_end

KILLS = int(os.environ.get('KILLS', 1))
FIRST_WORDS = 'Hooks will be executed'  # shortly before the training


@pytest.mark.parametrize(
    'recipe', ['digits', pytest.param('msmt17', marks=pytest.mark.slow)],
    indirect=True)
def test_killed_runs_end_with_the_same_weights(recipe, tmp_path,
                                               record_property):
    seed = int(os.environ.get('KILL_SEED', time.time_ns() % 10**9))
    print(f'KILL_SEED={seed}')  # if the test fails
    rng = random.Random(seed)
    kills = dict(saving=0, elsewhere=0)
    started = resumed = ended = partial = 0
    while sum(kills.values()) < KILLS:
        work_dir = tmp_path / f'run_{ended}'
        resume = (work_dir / 'last_checkpoint').exists()
        started += 1
        start = time.time()
        resumed += resume
        where = rng.choice(sorted(kills))
        process = recipe.start(
            work_dir,
            *['--resume'] * resume,
            # in one of the next saves, at any step of it
            kill_at=rng.randrange(20) if where == 'saving' else None)
        if where == 'elsewhere':
            process.wait_for(FIRST_WORDS)
            time.sleep(rng.uniform(0, recipe.seconds))
            process.signal(signal.SIGKILL)
        if process.wait() == 0:
            _check_end(recipe, work_dir)
            ended += 1
            continue
        assert process.wait() == -signal.SIGKILL, process.log[-3000:]
        kills[where] += 1
        partial += any(path.stat().st_mtime > start
                       for path in work_dir.glob('.*.partial*'))
        assert_complete(work_dir)
    work_dir = tmp_path / f'run_{ended}'
    if work_dir.exists():  # the last kill was in it
        resume = (work_dir / 'last_checkpoint').exists()
        recipe.start(work_dir, *['--resume'] * resume).succeed()
        _check_end(recipe, work_dir)
        ended += 1
    record_property(
        'figures', f'KILL_SEED={seed}, {recipe.config.parent.name}: '
        f'{kills["saving"]} kills in a save, {kills["elsewhere"]} at other '
        f'times; {partial} left a part of a file; {resumed} of {started} '
        f'processes had resumed a run; {ended} runs ended with the same '
        'weights.')


def _check_end(recipe, work_dir):
    # A kill after a save, and before the old checkpoint is removed, keeps it.
    for path in [*work_dir.glob('epoch_*.pth'), *work_dir.glob('best_*.pth')]:
        if not (recipe.undisturbed / path.name).exists():
            path.unlink()
    assert not list(work_dir.glob('.*.partial*'))
    assert_same_end(work_dir, recipe.undisturbed)

