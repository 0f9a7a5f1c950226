"""tools/visualise_batches.py draws what the samplers of configs give."""
import runpy
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / 'tools/visualise_batches.py'
KD = ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py'
CCKD = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'


def draw(monkeypatch, out, *configs):
    arguments = [str(TOOL), *map(str, configs), '--out', str(out)]
    monkeypatch.setattr(sys, 'argv', arguments)
    runpy.run_path(str(TOOL), run_name='__main__')
    return cv2.imread(str(out))


def test_a_panel_for_each_config(monkeypatch, tmp_path):
    random = draw(monkeypatch, tmp_path / 'random.png', KD)
    both = draw(monkeypatch, tmp_path / 'both.png', KD, CCKD)
    assert both.shape[0] == pytest.approx(2 * random.shape[0], abs=2)
    assert both.shape[1] == random.shape[1]
    for panel in (both[:random.shape[0]], both[random.shape[0]:]):
        # digits are gray on black, text and paper black and white
        assert (panel == 0).mean() > 0.1 and (panel == 255).mean() > 0.1
    assert (both[:len(random)] != both[-len(random):]).any()


def test_a_config_that_does_not_exist(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match='none.py'):
        draw(monkeypatch, tmp_path / 'x.png', tmp_path / 'none.py')
    assert not (tmp_path / 'x.png').exists()
