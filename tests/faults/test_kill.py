"""Runs that are killed and resumed end as if nothing had happened.

KILLS is the number of kills of each recipe, KILL_SEED makes them the same.
"""
import os
import random
import signal
import time

from run_folders import assert_complete, assert_same_end

KILLS = int(os.environ.get('KILLS', 1))
FIRST_WORDS = 'Hooks will be executed'  # about when the training begins


def test_killed_runs_end_with_the_same_weights(recipe, tmp_path):
    seed = int(os.environ.get('KILL_SEED', time.time_ns() % 10**9))
    print(f'KILL_SEED={seed}')
    rng = random.Random(seed)
    seconds = _training_time(recipe, tmp_path / 'timed')
    kills = dict(saving=0, elsewhere=0)
    fresh = resumed = ended = partial = 0
    while sum(kills.values()) < KILLS:
        work_dir = tmp_path / f'run_{ended}'
        is_resumed = (work_dir / 'last_checkpoint').exists()
        resumed += is_resumed
        fresh += not is_resumed
        resume = ['--resume'] if is_resumed else []
        where = rng.choice(sorted(kills))
        process = recipe.start(
            work_dir,
            *resume,
            # in one of the next saves, at any step of it
            kill_at=rng.randrange(20) if where == 'saving' else None)
        if where == 'elsewhere':
            process.wait_for(FIRST_WORDS)
            time.sleep(rng.uniform(0, seconds))
            process.signal(signal.SIGKILL)
        if process.wait() == 0:
            _check_end(recipe, work_dir)
            ended += 1
            continue
        assert process.wait() == -signal.SIGKILL, process.log[-3000:]
        kills[where] += 1
        partial += any(work_dir.glob('.*.partial*'))
        assert_complete(work_dir)
    work_dir = tmp_path / f'run_{ended}'
    if (work_dir / 'last_checkpoint').exists():
        resumed += 1
        recipe.start(work_dir, '--resume').succeed()
    else:
        recipe.start(work_dir).succeed()
    _check_end(recipe, work_dir)
    print(f'{recipe.config.parent.name}: {kills["saving"]} kills in a save, '
          f'{kills["elsewhere"]} at other times; {partial} left a part of a '
          f'file. {fresh} starts, {resumed} resumes, {ended + 1} runs ended '
          'with the same weights.')


def _check_end(recipe, work_dir):
    for path in work_dir.glob('epoch_*.pth'):  # kept by a kill, see the hook
        if path.name not in (work_dir / 'last_checkpoint').read_text():
            path.unlink()
    assert not list(work_dir.glob('.*.partial*'))
    assert_same_end(work_dir, recipe.undisturbed)


def _training_time(recipe, work_dir):
    process = recipe.start(work_dir)
    process.wait_for(FIRST_WORDS)
    start = time.time()
    process.succeed()
    return time.time() - start
