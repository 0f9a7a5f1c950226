import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize('variables', [
    {},
    dict(NODE_RANK='1'),
    dict(MASTER_ADDR='10.0.0.1'),
])
def test_several_machines_need_an_address_and_a_number(variables):
    result = subprocess.run(
        ['bash', ROOT / 'tools/dist_train.sh', 'config.py', '8'],
        env=dict(os.environ, NNODES='2', PYTHON='false', **variables),
        capture_output=True,
        text=True)
    assert result.returncode == 2
    assert ('with NNODES=2, also set NODE_RANK, the number of this machine '
            'counted from 0, and MASTER_ADDR') in result.stderr
