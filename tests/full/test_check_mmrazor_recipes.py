"""The complete script for all but classification; it takes ten minutes."""
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmcv._ext')

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / 'docs/mixing.md').read_text()


@pytest.mark.parametrize('names, count', [
    (('distill/mmdet/', 'distill/mmdet3d/', 'distill/mmseg/'), 13),
    (('nas/', 'pruning/'), 6),
])
def test_the_page_has_what_comes_out(names, count):
    result = subprocess.run(
        [sys.executable, ROOT / 'tools/check_mmrazor_recipes.py', *names],
        cwd=ROOT,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    _, _, *rows = result.stdout.splitlines()
    assert len(rows) == count
    for row in rows:
        assert row in PAGE
