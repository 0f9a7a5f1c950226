"""tools/test_matrix.sh pins the versions of a set, and runs tests."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LOCK = (ROOT / 'requirements/lock.txt').read_text().splitlines()


@pytest.fixture
def clone(tmp_path):
    """The script, in a clone whose tools/run_tests.sh only says its input."""
    (tmp_path / 'tools').mkdir()
    shutil.copytree(ROOT / 'requirements', tmp_path / 'requirements')
    shutil.copy(ROOT / 'tools/test_matrix.sh', tmp_path / 'tools')
    (tmp_path / 'tools/run_tests.sh').write_text(
        'echo "$VENV" "$@"; cat "$LOCK"')
    return tmp_path


def run(clone, *arguments):
    env = {k: v for k, v in os.environ.items() if k != 'VENV'}
    return subprocess.run(
        ['bash', str(clone / 'tools/test_matrix.sh'), *arguments],
        env=env,
        capture_output=True,
        text=True)


def test_replaces_packages(clone):
    result = run(clone, 'onedl', 'tests/models', '-x')
    assert result.returncode == 0, result.stderr
    first, *lines = result.stdout.splitlines()
    assert first == f'{clone}/.venv-onedl tests/models -x'
    pins = [line.split()[0] for line in lines if not line.startswith('#')]
    old = [line for line in LOCK if not line.startswith('#')]
    assert set(old) - set(pins) == {
        'mmcv-lite==2.1.0', 'mmengine==0.10.7', 'mmpretrain==1.2.0'
    }
    assert set(pins) - set(old) == {
        'onedl-mmcv==2.3.6', 'onedl-mmengine==0.10.12',
        'onedl-mmpretrain==1.3.6'
    }


def test_another_python_and_packages_of_its_own(clone):
    result = run(clone, 'torch21')
    lines = result.stdout.splitlines()
    versions = [line for line in lines if line.startswith('# Python ')]
    assert versions == ['# Python 3.10']
    assert [line for line in lines if line.startswith('numpy')] == [
        'numpy==1.26.4'
    ]
    assert 'tomli==2.5.0' in lines
    assert not any(line.startswith('cuda-toolkit') for line in lines)
    assert 'torch21: # Python 3.10 numpy==1.26.4' in result.stderr


def test_replaces_another_version(clone):
    lines = run(clone, 'mmcv220').stdout.splitlines()
    assert 'tests/functional' in lines[0]
    assert [line for line in lines if line.startswith('mmcv')] == [
        'mmcv-lite==2.2.0'
    ]


@pytest.mark.parametrize('arguments', [(), ('unknown', )])
def test_names_the_sets(clone, arguments):
    result = run(clone, *arguments)
    assert result.returncode == 2
    assert 'where NAME is one of: mmcv220 onedl torch21' in result.stderr
