"""The first command of the README, with one seed."""
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / 'tools/quickstart.py'


def quickstart(work_dir, *arguments):
    return subprocess.run([
        sys.executable, TOOL, '--seeds', '1', '--work-dir', work_dir,
        *arguments
    ],
                          cwd=work_dir.parent,
                          capture_output=True,
                          text=True)


def test_quickstart(tmp_path):
    tmp_path = tmp_path / 'a folder, with a comma'
    tmp_path.mkdir()
    first = quickstart(tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    runs = json.loads((tmp_path / 'summary.json').read_text())['runs']
    assert [run['name'] for run in runs] == [
        'teacher', 'student', 'kd', 'cckd', 'cckd_sur'
    ]
    for run in runs:
        assert set(run) == {'name', 'config', 'seed', 'accuracy'}
        assert (ROOT / run['config']).exists()
        assert 50 < run['accuracy'] <= 100  # chance is 10
        assert f'{run["name"]:8s}  {run["accuracy"]:6.2f}\n' in first.stdout
    for title in ('KD', 'CCKD'):
        assert f'L_CC of {title} to the teacher: 0.0' in first.stdout
    for name in ('correlations.png', 'superclasses.html', 'summary.json'):
        assert f'{tmp_path.name}/{name}\n' in first.stdout
    assert '<html' in (tmp_path / 'superclasses.html').read_text()
    picture = tmp_path / 'correlations.png'
    assert picture.read_bytes().startswith(b'\x89PNG')

    # A second start reuses what is done.
    checkpoints = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*.pth')}
    assert sum(p.name == 'epoch_80.pth' for p in checkpoints) == 5
    again = quickstart(tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout == first.stdout[first.stdout.index('L_CC'):]
    assert checkpoints == {
        p: p.stat().st_mtime_ns
        for p in tmp_path.rglob('*.pth')
    }
    assert json.loads((tmp_path / 'summary.json').read_text())['runs'] == runs


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('tool', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_a_foreign_folder_is_left_alone(tmp_path, tool, monkeypatch):
    (tmp_path / 'teacher').mkdir()
    (tmp_path / 'teacher/thesis.txt').write_text('all my work')
    monkeypatch.setattr('sys.argv',
                        ['quickstart.py', '--work-dir',
                         str(tmp_path)])
    with pytest.raises(
            ValueError, match='not made by the quickstart.*another --work-di'):
        tool.main()
    assert [p.name for p in tmp_path.rglob('*')] == ['teacher', 'thesis.txt']


def test_runs_of_other_code_are_not_reused(tmp_path, tool, capsys):
    ours = tmp_path / 'code-1'
    tool.check_work_dir(tmp_path / 'new', ours)
    tool.check_work_dir(tmp_path, ours)
    ours.mkdir()
    tool.check_work_dir(tmp_path, ours)
    assert capsys.readouterr().out == ''
    tool.check_work_dir(tmp_path, tmp_path / 'code-2')
    assert 'another version of the code' in capsys.readouterr().out
