"""tools/setup_env.sh with a stand-in for Python, which records its calls."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# Python 3.11 with pip, for all that the scripts ask; "-r" gets a pipe.
PYTHON = r'''#!/usr/bin/env bash
case "$*" in
    *version_info*|*--version) exit 0 ;;
    *metadata*) echo 9.9 ;;
    *" -r "*) { echo "$@"; cat "${@: -1}"; } >>"$CALLS" ;;
    *) echo "$@" >>"$CALLS" ;;
esac
'''


@pytest.fixture
def clone(tmp_path):
    root = tmp_path / 'a clone'
    for name in ('tools/setup_env.sh', 'tools/build_mmcv.sh', 'setup.py',
                 'requirements/lock.txt', 'requirements/lock-full.txt'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for venv in ('.venv', '.venv-full'):
        python = root / venv / 'bin/python'
        python.parent.mkdir(parents=True)
        python.write_text(PYTHON)
        python.chmod(0o755)
        (root / venv / '.mmcckd').write_text('unfinished')
    wheel = root / '.cache/wheels/mmcv-2.1.0-for-torch-9.9/mmcv.whl'
    wheel.parent.mkdir(parents=True)
    wheel.touch()
    return root


def set_up(clone, *arguments, **variables):
    """Run it, and return the lines that the calls of Python have recorded."""
    calls = clone / 'calls'
    calls.write_text('')
    env = {**os.environ, 'CALLS': str(calls), **variables}
    if 'VENV' not in variables:
        env.pop('VENV', None)
    result = subprocess.run(
        ['bash', clone / 'tools/setup_env.sh', *arguments],
        env=env,
        cwd=clone.parent,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stderr
    return calls.read_text().splitlines()


def pins(name):
    lines = (ROOT / f'requirements/{name}.txt').read_text().splitlines()
    return [line for line in lines if '==' in line]


def test_the_default(clone):
    lines = set_up(clone)
    assert [line for line in lines if '==' in line] == pins('lock')
    assert 'mmcv-lite' in str(lines) and '.whl' not in str(lines)
    assert lines[-1].endswith(f'-e {clone}')
    assert set_up(clone) == []  # up to date


def test_the_full_environment(clone):
    lines = set_up(clone, '--full')
    expected = [
        pin for pin in pins('lock') + pins('lock-full')
        if not pin.startswith(('mmcv-lite==', 'mmcv=='))
    ]
    assert [line for line in lines if '==' in line] == expected
    removed, installed, editable = lines[-3:]
    assert removed.endswith('uninstall --quiet --yes mmcv-lite')
    assert installed.endswith('mmcv-2.1.0-for-torch-9.9/mmcv.whl')
    assert editable.endswith(f'-e {clone}')
    assert set_up(clone, '--full') == []


def test_it_stays_full(clone):
    """tools/run_tests.sh calls the script without arguments."""
    venv = str(clone / '.venv-full')
    set_up(clone, '--full')
    assert set_up(clone, VENV=venv) == []
    (clone / 'setup.py').write_text('changed')
    assert 'mmdet==3.3.0' in set_up(clone, VENV=venv)
    assert set_up(clone, '--full') == []


def test_another_lock(clone, tmp_path):
    lock = tmp_path / 'another lock.txt'
    lock.write_text('mmcv-lite==2.2.0\ntorch==9.9\n')
    lines = set_up(clone, LOCK=str(lock))
    assert [line for line in lines if '==' in line] == [
        'mmcv-lite==2.2.0', 'torch==9.9'
    ]
    assert len(set_up(clone)) > 100  # an environment of another lock


def test_an_unknown_argument():
    result = subprocess.run(
        ['bash', ROOT / 'tools/setup_env.sh', 'full'],
        capture_output=True,
        text=True)
    assert result.returncode == 2
    assert 'unknown argument full; the only one is --full' in result.stderr


def test_the_full_lock_adds_to_the_lock():
    base, full = (dict(pin.split('==') for pin in pins(name))
                  for name in ('lock', 'lock-full'))
    assert not set(base) & set(full)
    assert list(full) == sorted(full, key=str.lower)
    assert full['mmcv'] == base['mmcv-lite']
