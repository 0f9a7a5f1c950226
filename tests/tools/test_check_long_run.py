"""The verdict of tools/check_long_run.py on samples."""
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TOOL = runpy.run_path(
    str(Path(__file__).parent.parent.parent / 'tools/check_long_run.py'))
Sample, report, take_sample = map(TOOL.get,
                                  ('Sample', 'report', 'take_sample'))


def samples(**growth):
    """Return the samples of an hour with noise and growth per hour."""
    rng = np.random.default_rng(0)
    result = []
    for seconds in range(10, 3600, 10):
        sample = Sample(seconds, *rng.normal([500, 26, 400, 80, 4], 0.3))
        # The warm-up does not count.
        sample = sample._replace(
            main_memory=sample.main_memory - 100 * (seconds < 300))
        for name, per_hour in growth.items():
            value = getattr(sample, name) + per_hour * seconds / 3600
            sample = sample._replace(**{name: value})
        result.append(sample)
    return result


@pytest.mark.parametrize('growth, passes', [
    ({}, True),
    (dict(main_memory=3), True),
    (dict(main_memory=10), False),
    (dict(worker_memory=10), False),
    (dict(main_memory=-50), True),
    (dict(main_files=4), False),
    (dict(worker_files=4), False),
    (dict(workers=4), False),
])
def test_finds_what_grows(growth, passes, capsys):
    assert report(samples(**growth)) == passes
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_workers_may_start_and_end():
    rng = np.random.default_rng(0)
    restarted = [
        sample._replace(
            worker_memory=100 * number, worker_files=20 * number,
            workers=number)
        for sample, number in zip(samples(), rng.integers(0, 3, 360))
    ]
    assert report(restarted)


@pytest.mark.skipif(sys.platform != 'linux', reason='needs the /proc of Linux')
def test_measures_a_process_and_its_workers():
    code = '''
import os, sys
block = bytearray(100 * 2**20)
block[::4096] = b'1' * len(block[::4096])
files = [open('/dev/null') for _ in range(50)]
print(os.fork() > 0, flush=True)
sys.stdin.read()
'''
    process = subprocess.Popen([sys.executable, '-c', code],
                               stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE,
                               text=True)
    try:
        process.stdout.readline()
        process.stdout.readline()
        sample = take_sample(process.pid, 1.)
        assert sample.workers == 1
        assert 100 < sample.main_memory < 130
        assert 100 < sample.worker_memory < 130
        assert 53 <= sample.main_files == sample.worker_files < 60
    finally:
        process.communicate()
    assert process.returncode == 0
