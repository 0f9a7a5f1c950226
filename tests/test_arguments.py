"""The arguments of the tools, which need no other package."""
import inspect
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from mmcckd.arguments import MIX_CC_KEYS, TEACHER_STORE_KEYS
from mmcckd.recipes import mix_cc
from mmcckd.teacher_store import StoreSettings

ROOT = Path(__file__).parent.parent
RUN = """
import runpy, sys
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
finally:
    heavy = {'numpy', 'torch', 'mmengine', 'mmrazor'}.intersection(sys.modules)
    assert not heavy, heavy
"""


def test_keys():
    assert tuple(inspect.signature(mix_cc).parameters)[1:] == MIX_CC_KEYS
    names = [field.name for field in fields(StoreSettings)]
    assert names == ['path', *TEACHER_STORE_KEYS]


@pytest.mark.parametrize('arguments, status, expected', [
    (['tools/train.py', '--help'], 0, '--teacher-store PATH'),
    (['tools/train.py', 'config.py', '--launcher', 'x'], 2,
     "invalid choice: 'x'"),
    (['tools/test.py', '--help'], 0, '--no-pin-memory'),
])
def test_help_and_errors_need_no_package(arguments, status, expected):
    code = f'import sys; sys.argv = {arguments!r}{RUN}'
    result = subprocess.run([sys.executable, '-c', code],
                            cwd=ROOT,
                            capture_output=True,
                            text=True)
    assert result.returncode == status, result.stderr
    assert expected in result.stdout + result.stderr
