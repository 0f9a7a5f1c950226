"""The first command of the README, with one seed."""
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def quickstart(work_dir, *arguments):
    return subprocess.run([
        sys.executable, ROOT / 'tools/quickstart.py', '--seeds', '1',
        '--work-dir', work_dir, *arguments
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
    assert sorted(run['name'] for run in runs) == [
        'cckd', 'cckd_sur', 'kd', 'student', 'teacher'
    ]
    for run in runs:
        assert set(run) == {'name', 'config', 'seed', 'accuracy'}
        assert (ROOT / run['config']).exists()
        assert 50 < run['accuracy'] <= 100  # chance is 10
        assert f'{run["accuracy"]:.2f}' in first.stdout
    assert (tmp_path / 'teacher/superclasses.html').exists()
    picture = tmp_path / 'correlations.png'
    assert picture.read_bytes().startswith(b'\x89PNG')

    # A second start reuses what is done.
    checkpoints = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*.pth')}
    assert sum(p.name == 'epoch_80.pth' for p in checkpoints) == 5
    again = quickstart(tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert checkpoints == {
        p: p.stat().st_mtime_ns
        for p in tmp_path.rglob('*.pth')
    }
    assert json.loads((tmp_path / 'summary.json').read_text())['runs'] == runs


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / 'teacher').mkdir()
    (tmp_path / 'teacher/thesis.txt').write_text('all my work')
    result = quickstart(tmp_path, '--jobs', '1')
    assert result.returncode != 0
    assert 'teacher was not made by the quickstart' in result.stderr
    assert (tmp_path / 'teacher/thesis.txt').exists()
