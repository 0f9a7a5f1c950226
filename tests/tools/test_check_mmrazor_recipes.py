"""A part of what the script does; all of it takes minutes."""
import subprocess
import sys
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


def test_some_recipes():
    """On ImageNet, without a teacher, and without data."""
    result = run('rkd/', 'byot/', 'dfad/')
    assert result.returncode == 0, result.stdout + result.stderr
    header, _, *rows = result.stdout.splitlines()
    assert len(rows) == 3
    for line in (header, *rows):
        assert line in PAGE
    by_name = {row.split('/')[0].strip('| `'): row for row in rows}
    assert by_name['rkd'].endswith('| runs | runs | runs |')
    assert by_name['byot'].count('refused') == 2
    assert by_name['dfad'].count('runs') == 2


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
