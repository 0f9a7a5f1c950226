"""The first command of the README, with few classes and iterations."""
import importlib.util
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from PIL import Image

from mmcckd.studies import Study
from mmcckd.studies.paired_test import paired_test
from mmcckd.studies.summary import Comparison

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / 'tools/quickstart.py'
ROWS = ('labels', 'labels + CC', 'KD', 'KD + CC')
FIGURES = ('accuracy.png', 'learning_curves.png', 'correlations.png',
           'rank_lists.png')


def quickstart(work_dir):
    return subprocess.run([
        sys.executable, TOOL, '--seeds', '1', '--classes', '20', '--scale',
        '0.04', '--work-dir', work_dir
    ],
                          cwd=work_dir.parent,
                          capture_output=True,
                          text=True)


def test_quickstart(tmp_path):
    tmp_path = tmp_path / 'a folder, with a comma'
    tmp_path.mkdir()
    first = quickstart(tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert summary['comparisons'] == []
    assert [(run['name'], run['iterations']) for run in summary['runs']] == [
        ('teacher', 60), *((f'{row}, {budget}', iterations)
                           for budget, iterations in (('short', 12),
                                                      ('long', 48))
                           for row in ROWS)
    ]
    for run in summary['runs']:
        assert set(run) == {
            'name', 'config', 'seed', 'iterations', 'accuracy', 'mAP', 'rank1'
        }
        assert (ROOT / run['config']).exists()
        assert 0 <= run['accuracy'] <= 100
        assert 1 < run['mAP'] <= 100  # in %
        assert f'{run["accuracy"]:.2f}' in first.stdout
        assert f'{run["mAP"]:.2f}' in first.stdout
    for name in (*FIGURES, 'summary.json'):
        assert f'{tmp_path.name}/{name}\n' in first.stdout
    for name in FIGURES:
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 300

    # A second start reuses what is done.
    files = {
        path: path.stat().st_mtime_ns
        for name in ('*.pth', 'images.npy') for path in tmp_path.rglob(name)
    }
    assert len(files) == 9 * 2 + 1  # with links to the last checkpoints
    again = quickstart(tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[-20:] == first.stdout.splitlines()[-20:]
    assert files == {path: path.stat().st_mtime_ns for path in files}
    assert json.loads((tmp_path / 'summary.json').read_text()) == summary


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('tool', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_arguments_change_the_study(tool):
    """All runs get the data; all budgets are scaled; one seed claims nothing.
    """
    study = Study.load(tool.STUDY, ROOT)
    args = Namespace(classes=50, scale=0.1, seeds=1)
    changed = tool.load_study(Path('/data/letters_50'), args)
    data = dict(data_root='/data/letters_50', num_classes=50)
    assert changed.options == data
    teacher = changed.teacher.options
    assert data.items() <= teacher.items()
    assert teacher[tool.ITERATIONS] == 150
    for name, row in changed.rows.items():
        iterations = study.rows[name].options[tool.ITERATIONS]
        assert row.options[tool.ITERATIONS] == row.value == iterations // 10
        assert row.beats == []
    args.seeds = 2
    rows = tool.load_study(Path('/data/letters_50'), args).rows
    assert rows['KD + CC, short'].beats == ['KD, short']


@pytest.mark.parametrize('ours, expected', [
    ([3, 4, 5], 'CC is ahead'),
    ([-3, -4, -5], 'CC is behind'),
    ([-3, 4, 5], 'no difference shown'),
    ([0, 0, 0], 'no difference shown'),
])
def test_a_verdict_needs_more_than_the_interval(tool, ours, expected):
    test = paired_test(ours, [0, 0, 0])
    assert tool.verdict(Comparison('test', 'a', 'b', test, 1)) == expected


def test_every_row_has_a_learning_rate_of_its_own_study(tool):
    """The rates are among those that quickstart_tuning.yml tries."""
    study = Study.load(tool.STUDY, ROOT)
    tuning = Study.load(tool.STUDY.with_stem('quickstart_tuning'), ROOT)
    assert study.rows.keys() == tuning.rows.keys()
    assert study.teacher == tuning.teacher
    rate = 'optim_wrapper.optimizer.lr'
    for name, row in study.rows.items():
        other = tuning.rows[name]
        assert {rate: row.options[rate]} in other.settings
        assert (row.config, row.value, row.line) == (
            other.config, other.value, other.line)


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
