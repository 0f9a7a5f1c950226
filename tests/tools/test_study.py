"""Studies from the command line, of two epochs a run."""
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mmcckd.studies import ResultsFile

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/study.py'
SHORT = {
    'train_cfg.max_epochs': 2,
    'param_scheduler.T_max': 2,
}
STUDY = dict(
    title='Tiny',
    question='Does it run?',
    teacher=dict(
        config='configs/baseline/r18w16_digits.py', options=SHORT, seeds=2),
    options=SHORT,
    tune_seeds=1,
    teacher_store=dict(views=2, dtype='float32'),
    rows=dict(
        KD=dict(
            config='configs/baseline/kd_r18w16_r10w6_digits.py',
            settings=[{
                'optim_wrapper.optimizer.lr': lr
            } for lr in (0.05, 0.2)]),
        SUR=dict(
            config='configs/cckd/r18w16_r10w6_digits_sur.py',
            superclasses=20,
            beats=['KD'])))


def command(*arguments):
    return [sys.executable, str(TOOL), *map(str, arguments)]


def study(*arguments):
    return subprocess.run(
        command(*arguments), capture_output=True, text=True)


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A study that was killed, and then continued."""
    folder = tmp_path_factory.mktemp('study')
    path = folder / 'tiny.yml'
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    arguments = (path, '--seeds', 2, '--jobs', 2, '--work-dir', folder / 'w')
    results = folder / 'w/results.jsonl'

    first = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True)
    while not (results.exists() and results.read_text().count('\n') >= 3):
        assert first.poll() is None
        time.sleep(0.1)
    # Another study cannot write there at the same time.
    second = study(*arguments)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert second.returncode == 1
    assert 'Another study is writing to' in second.stderr

    before = results.read_text()
    second = study(*arguments)
    assert second.returncode == 0, second.stdout + second.stderr
    return arguments, results, before, second.stdout


def test_a_killed_study_continues(finished):
    _, path, before, _ = finished
    assert path.read_text().startswith(before)
    results = ResultsFile(path).results.values()
    # 2 teachers; 2 settings of a seed; 2 rows of 2 seeds
    assert len(results) == 2 + 2 + 4
    students = [result for result in results if result.run.teacher]
    # They are in the order in which they ended.
    seeds = [r.run.seed for r in students if r.run.superclasses]
    assert sorted(seeds) == [0, 1]
    for result in students:
        assert result.run.teacher.seed == result.run.seed % 2
        expected = {'val'}
        if not result.run.chooses_setting:
            expected |= {
                'test', 'intra_class_cosine', 'inter_class_cosine',
                'cosine_gap', 'silhouette', 'cc_distance', 'cka'
            }
        if result.run.superclasses:
            expected |= {'beta', 'ratio_early', 'ratio_late'}
        assert set(result.metrics) == expected
        assert len(result.curve) == 8 * (not result.run.chooses_setting)
        assert result.seconds > 0 and result.commit and result.processor


def test_finished_runs_are_not_repeated(finished):
    arguments, path, _, output = finished
    before = path.read_text()
    again = study(*arguments)
    assert again.returncode == 0
    assert path.read_text() == before
    assert '| SUR > KD |' in again.stdout
    table = output[output.index('## Tiny'):]
    assert table in again.stdout
    out = path.parent / 'tiny'
    assert out.with_suffix('.md').read_text().strip() in output
    assert out.with_suffix('.png').read_bytes().startswith(b'\x89PNG')
    assert '<svg' in out.with_suffix('.svg').read_text()
    assert len(out.with_suffix('.csv').read_text().splitlines()) == 1 + 4


def test_a_run_has_the_accuracy_of_the_tools(finished):
    """tools/test.py finds the same for its checkpoint."""
    _, path, _, _ = finished
    result = list(ResultsFile(path).results.values())[-1]
    files = path.parent / 'runs' / result.run.key
    config, = files.glob('*.py')
    metrics = files / 'metrics.json'
    subprocess.run([
        sys.executable, ROOT / 'tools/test.py', config,
        files / 'checkpoint.pth', '--work-dir', files / 'test', '--out',
        metrics, '--out-item', 'metrics'
    ],
                   check=True,
                   capture_output=True)
    found = json.loads(metrics.read_text())['accuracy/top1']
    assert found == pytest.approx(result.metrics['test'], abs=1e-5)


def test_repeat(finished, tmp_path):
    _, path, _, _ = finished
    lines = path.read_text().splitlines()
    again = study('--repeat', f'{path}:{len(lines)}')  # SUR, seed 1
    assert again.returncode == 0, again.stdout + again.stderr

    other = json.loads(lines[0])  # a teacher
    other['metrics']['test'] += 1
    changed = tmp_path / 'changed.jsonl'
    changed.write_text(json.dumps(other) + '\n')
    again = study('--repeat', f'{changed}:1')
    assert again.returncode == 1
    assert 'The metrics differ' in again.stderr


def test_a_deleted_teacher_is_trained_again(finished):
    arguments, path, _, output = finished
    before = path.read_text()
    teacher = next(iter(ResultsFile(path).results))
    shutil.rmtree(path.parent / 'runs' / teacher)
    again = study(*arguments)
    assert again.returncode == 0, again.stderr
    assert (path.parent / 'runs' / teacher / 'checkpoint.pth').exists()
    assert path.read_text() == before
    assert output[output.index('## Tiny'):] in again.stdout


def test_other_runs_continue_when_one_fails(finished, tmp_path):
    arguments, path, _, _ = finished
    content = dict(
        STUDY,
        title='Broken',
        rows=dict(
            broken=dict(
                config='configs/cckd/r18w16_r10w6_digits.py',
                options={'train_dataloader.batch_size': 7}),
            working=dict(
                config='configs/baseline/kd_r18w16_r10w6_digits.py',
                options={'optim_wrapper.optimizer.lr': 0.1})))
    file = tmp_path / 'broken.yml'
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    before = len(ResultsFile(path).results)
    result = study(file, *arguments[1:])
    assert result.returncode == 1
    assert len(ResultsFile(path).results) == before + 2  # two seeds of working
    assert '2 runs failed:' in result.stderr
    for seed in (0, 1):
        assert f'broken, seed {seed}: ValueError: ' in result.stderr
    assert 'batch_size must be a multiple of samples_per_class' in (
        result.stderr)
    assert '| working |' in result.stdout


@pytest.fixture
def main(monkeypatch):
    """tools/study.py in this process, which has imported everything."""
    spec = importlib.util.spec_from_file_location('tool', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def call(*arguments):
        monkeypatch.setattr('sys.argv', ['study.py', *map(str, arguments)])
        tool.main()

    return call


@pytest.mark.parametrize('arguments, message', [
    ((), 'give a study file, or --repeat'),
    (('a.yml', '--seeds', 1), '--seeds must be at least 2'),
    (('a.yml', '--repeat', 'b.jsonl:1'), 'give a study file, or --repeat'),
])
def test_arguments(arguments, message, main, capsys):
    with pytest.raises(SystemExit):
        main(*arguments)
    assert message in capsys.readouterr().err


def test_repeat_needs_a_line(finished, main):
    _, path, _, _ = finished
    for line in ('1000', '0', 'x'):
        with pytest.raises(
                ValueError, match='give FILE:LINE, with a line from 1 to'):
            main('--repeat', f'{path}:{line}')
