"""What importing mmcckd does to a fresh interpreter."""
import subprocess
import sys

import pytest
import torch
from mmengine.utils import digit_version

AT_LEAST_2 = digit_version(torch.__version__) >= digit_version('2.0.0')


def python(code):
    return subprocess.run([sys.executable, '-W', 'ignore', '-c', code],
                          capture_output=True,
                          text=True)


@pytest.mark.skipif(not AT_LEAST_2, reason='the trouble came with torch 2')
def test_the_trouble_is_still_there():
    """Once MMRazor imports by itself, the room can be deleted."""
    result = python('import mmrazor.models')
    assert result.returncode != 0
    assert 'is not installed properly' in result.stderr


def test_all_of_mmrazor_is_registered():
    result = python(
        'import mmcckd, mmrazor, torch\n'
        'from mmengine.utils import digit_version\n'
        'from mmrazor.registry import MODELS, LOOPS, TASK_UTILS\n'
        'assert mmrazor.digit_version is digit_version\n'
        'import mmrazor.models.quantizers.native_quantizer as quantizer\n'
        'assert quantizer.digit_version is digit_version\n'
        'import mmrazor.engine, mmrazor.structures\n'
        'assert "SingleTeacherDistillValLoop" in LOOPS\n'
        'ours = [c for c in MODELS.module_dict.values()\n'
        '        if c.__module__.startswith("mmcckd")]\n'
        'print(len(MODELS.module_dict) - len(ours), len(ours))\n')
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-2:] == ['142', '5']


@pytest.mark.parametrize('order', [
    'mmcckd, mmrazor, mmpretrain',
    'mmrazor, mmpretrain.models, mmcckd',
    'mmpretrain, mmcckd, mmrazor.models',
])
def test_in_any_order_and_twice(order):
    result = python(f'import {order}\n'
                    'import importlib; importlib.reload(mmcckd)\n'
                    'from mmrazor.registry import MODELS\n'
                    'from mmengine.registry import DATASETS\n'
                    'print(len(MODELS.module_dict), "Digits" in DATASETS)\n')
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-2:] == ['147', 'True']
