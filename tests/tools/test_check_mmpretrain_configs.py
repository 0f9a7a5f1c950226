"""Only a few architectures; all of them take about ten minutes."""
import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    return importlib.import_module('check_mmpretrain_configs')


def test_three_architectures(tmp_path):
    out = tmp_path / 'table.md'
    result = subprocess.run([
        sys.executable, ROOT / 'tools/check_mmpretrain_configs.py',
        '--architectures', 'lenet', 'eva02', 'levit', '--out', out
    ], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in result.stdout.splitlines() if line.startswith('| `')
    ]
    assert Counter(row[0].split('/')[0] for row in rows) == {
        '`eva02': 8,
        '`lenet': 1,
        '`levit': 5
    }
    by_name = {row[0].strip('`'): row[1:] for row in rows}
    assert by_name['lenet/lenet5_mnist.py'] == [
        '0.1 M', '1 × 32 × 32', '`backbone.classifier.2` (its input)',
        '`backbone.classifier.2`', 'runs', 'runs'
    ]
    # The smallest that can be a student, not the smallest.
    assert by_name['eva02/eva02-tiny-p14_in1k.py'] == [
        '5.8 M', '3 × 336 × 336', '`backbone`', '`head.fc`', 'runs', 'runs'
    ]
    assert by_name['eva02/eva02-large-p14_in1k.py'][-2:] == ['is built'] * 2
    no_head = 'refused: it has no head, so no loss of its own to be trained'
    *_, student, teacher = by_name['eva02/eva02-large-p14_headless.py']
    assert student.startswith(no_head) and teacher == 'is built'
    *_, student, teacher = by_name['levit/levit-128s_8xb256_in1k.py']
    assert student.startswith('refused') and 'distillation=False' in student
    assert teacher == 'runs'

    summary, table = out.read_text().split('\n\n')
    assert summary in result.stdout
    assert '| is built | 3 | 11 |' in summary
    assert '| runs | 2 | 3 |' in summary
    assert table.count('\n| `') == 14


def test_no_such_architecture(tool, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, 'argv', ['tool', '--architectures', 'lenet', 'nonesuch'])
    with pytest.raises(SystemExit):
        tool.main()
    assert 'MMPretrain has no classifier configs of nonesuch' in (
        capsys.readouterr().err)


def test_the_classifier_configs(tool):
    configs = tool.classifiers([])
    assert len(configs) == 369
    assert len({name.split('/')[0] for name in configs}) == 58


def test_what_is_not_known_fails(tool, capsys):
    assert tool.attempt('runs', dict) == 'runs'
    found = tool.attempt('runs', int, 'a\n| b')
    assert found == ("**fails**: ValueError: invalid literal for int() with "
                     "base 10: 'a\\n| b'")
    assert 'Traceback' in capsys.readouterr().err
