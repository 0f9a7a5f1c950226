"""Configs import the standard library, in a virtual environment, too."""
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config, utils

import mmcckd  # noqa: F401

TEXT = """
import os.path as osp
from functools import partial

root = osp.join('data', 'x')
model = partial(dict, width=1)(depth=2)
"""
READ = """
import sys
from mmengine.config import Config, utils
utils.PYTHON_ROOT_DIR = '/nowhere'  # as in a virtual environment
Config.fromfile(sys.argv[1])
"""


@pytest.mark.parametrize('new_style', [False, True])
def test_reading(new_style, tmp_path, monkeypatch):
    monkeypatch.setattr(utils, 'PYTHON_ROOT_DIR', '/nowhere')
    path = tmp_path / 'own.py'
    path.write_text(
        TEXT + 'from torch.optim import SGD\nkind = SGD\n' * new_style)
    cfg = Config.fromfile(path)
    assert cfg.root == 'data/x' and cfg.model == dict(width=1, depth=2)
    if new_style:
        assert cfg.kind is torch.optim.SGD
    assert set(cfg.to_dict()) - {'kind'} <= {'root', 'model', 'partial'}


def test_the_workaround_is_still_needed(tmp_path):
    """If this fails, compat/mmengine_stdlib.py can be deleted."""
    path = tmp_path / 'own.py'
    path.write_text(TEXT)
    result = subprocess.run(
        [sys.executable, '-c', READ, str(path)],
        capture_output=True,
        text=True)
    assert result.stderr.splitlines()[-1].startswith('RuntimeError')
