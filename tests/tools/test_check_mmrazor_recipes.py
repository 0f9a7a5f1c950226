"""The complete script, which takes two to three minutes."""
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import mmrazor

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / 'docs/mixing.md').read_text()


def run(*names):
    return subprocess.run(
        [sys.executable, ROOT / 'tools/check_mmrazor_recipes.py', *names],
        cwd=ROOT,
        capture_output=True,
        text=True)


def test_all_recipes():
    """The page has what comes out; DeiT's row is of a run with timm."""
    result = run()
    assert result.returncode == 0, result.stdout + result.stderr
    header, _, *rows = result.stdout.splitlines()
    assert len(rows) == 19
    deit, = (row for row in rows if row.startswith('| `deit/'))
    if not find_spec('timm'):
        rows.remove(deit)
        assert deit.count('needs timm') == 3
    for line in (header, *rows):
        assert line in PAGE


def test_the_page_has_all_recipes():
    folder = Path(mmrazor.__file__).parent / '.mim/configs/distill/mmcls'
    recipes = [path.relative_to(folder) for path in folder.glob('*/*.py')]
    assert len(recipes) == 19
    for recipe in recipes:
        row, = (line for line in PAGE.splitlines()
                if line.startswith(f'| `{recipe.as_posix()}` |'))
        assert row.count('|') == 5 and 'fails' not in row


def test_no_such_recipe():
    result = run('nonesuch')
    assert result.returncode == 2
    assert 'MMRazor has no recipe with nonesuch' in result.stderr
