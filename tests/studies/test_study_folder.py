import subprocess
import sys

import pytest

from mmcckd.studies.study_folder import lock_folder

HOLD = """
import sys
from pathlib import Path
from filelock import FileLock
with FileLock(Path(sys.argv[1]) / '.lock'):
    print('locked', flush=True)
    sys.stdin.read()
"""


def test_one_study_at_a_time(tmp_path):
    folder = tmp_path / 'new'
    with lock_folder(folder):
        pass
    other = subprocess.Popen([sys.executable, '-c', HOLD, folder],
                             stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    assert other.stdout.readline() == b'locked\n'
    with pytest.raises(
            ValueError,
            match='Another study is writing to.*another --work-dir'):
        with lock_folder(folder):
            pass
    other.kill()  # releases the lock
    other.communicate()
    with lock_folder(folder):
        pass
