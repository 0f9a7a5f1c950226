"""The complete script for classification, which takes two to three minutes."""
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / 'docs/mixing.md').read_text()


def run(*names):
    return subprocess.run(
        [sys.executable, ROOT / 'tools/check_mmrazor_recipes.py', *names],
        cwd=ROOT,
        capture_output=True,
        text=True)


@pytest.fixture
def names(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    from mmrazor_recipes import names
    return names


def test_all_classification_recipes():
    """The page has what comes out; DeiT's row is of a run with timm."""
    result = run('distill/mmcls')
    assert result.returncode == 0, result.stdout + result.stderr
    header, _, *rows = result.stdout.splitlines()
    assert len(rows) == 19
    deit, = (row for row in rows if '/deit/' in row)
    if not find_spec('timm'):
        rows.remove(deit)
        assert deit.count('needs timm') == 3
    for line in (header, *rows):
        assert line in PAGE


def test_the_page_has_all_recipes(names):
    recipes = names.recipes_with_a_distiller()
    assert len(recipes) == 38
    # those in distill/, and the others in the folders of their methods
    found = [path.relative_to(names.FOLDER).as_posix()
             for path in names.FOLDER.glob('distill/*/*/*.py')]
    assert set(found) <= set(recipes) and len(found) == 32
    methods = {recipe.split('/')[2] for recipe in set(recipes) - set(found)}
    assert methods == {
        'autoslim', 'bignas', 'onceforall', 'dmcp', 'group_fisher'
    }
    for recipe in recipes:
        row, = (line for line in PAGE.splitlines()
                if line.startswith(f'| `{recipe}` |'))
        assert row.count('|') == 5
        assert 'fails' not in row and 'not tried' not in row


def test_the_expectations_name_recipes(names):
    from mmrazor_recipes.expected import REFUSALS, WAYS
    assert set(REFUSALS) <= set(names.recipes_with_a_distiller())
    assert all(set(ways) <= set(WAYS) for ways in REFUSALS.values())


@pytest.mark.skipif(
    find_spec('mmcv._ext') is not None, reason='the full mmcv is installed')
def test_detection_without_the_full_mmcv():
    result = run('distill/mmseg')
    assert result.returncode == 0, result.stderr
    row = result.stdout.splitlines()[-1]
    assert row.count('not tried: needs the full mmcv') == 3


def test_no_such_recipe():
    result = run('nonesuch')
    assert result.returncode == 2
    assert 'MMRazor has no recipe with nonesuch' in result.stderr
