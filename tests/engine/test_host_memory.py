import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import mmcckd

MODULE = Path(mmcckd.__file__).parent / 'engine/host_memory.py'
SCRIPT = f"""
import resource
import runpy

import numpy as np


def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        np.empty(64 << 20, np.uint8)[::4096] = 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


print(runpy.run_path({str(MODULE)!r})['keep_freed_memory']())
page_faults()
print(page_faults())
"""

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='needs glibc')


def run(**environment):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('MALLOC_', 'GLIBC_TUNABLES'))
    }
    changed, page_faults = subprocess.run(
        [sys.executable, '-c', SCRIPT],
        env=dict(kept, **environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True).stdout.split()
    return changed == 'True', int(page_faults)


def test_large_arrays_reuse_memory():
    changed, page_faults = run()
    assert changed
    assert page_faults < 10


def test_settings_of_the_environment_are_kept():
    changed, page_faults = run(MALLOC_TRIM_THRESHOLD_='131072')
    assert not changed
    assert page_faults > 10
