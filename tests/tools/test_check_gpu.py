import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu(tmp_path):
    result = subprocess.run(
        ['bash', ROOT / 'tools/check_gpu.sh'],
        env=dict(os.environ, PYTHON=sys.executable, OUT_DIR=str(tmp_path)),
        capture_output=True,
        text=True)
    assert result.returncode == 1
    assert 'check_gpu: PyTorch finds no GPU' in result.stderr
