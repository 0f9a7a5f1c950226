"""tools/store_teacher.py, and the tool that kills it."""
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from mmrazor.registry import MODELS
from processes import free_port

from mmcckd.teacher_store import TeacherStore

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / 'tools/store_teacher.py'
CCKD = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'
KD = ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py'
HEAD, NECK = 'ModuleOutputs:head.fc', 'ModuleOutputs:neck'


@pytest.fixture(scope='module')
def teacher(tmp_path_factory):
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(CCKD).model.teacher)
    model.init_weights()
    for module in model.modules():  # so that samples differ
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    save_checkpoint(dict(state_dict=model.state_dict()), str(path))
    return str(path)


def options(teacher):
    return ['--cfg-options', f'model.teacher_ckpt={teacher}',
            'train_cfg.max_epochs=3']


@pytest.fixture
def store(teacher, tmp_path, monkeypatch, capsys):
    """Run the tool in this process; returns what it prints."""

    def run(*arguments, config=CCKD):
        monkeypatch.setattr(sys, 'argv', [
            str(TOOL), str(config), '--work-dir', str(tmp_path / 'work'),
            *map(str, arguments), *options(teacher)
        ])
        monkeypatch.setenv('LOCAL_RANK', '0')
        runpy.run_path(str(TOOL), run_name='__main__')
        return capsys.readouterr().out

    return run


def rows(path):
    """The bytes of all rows, by source."""
    return {file.parent.name: file.read_bytes()
            for file in Path(path).glob('*/rows.npy')}


def test_fill_and_check(store, tmp_path):
    path = tmp_path / 'store'
    printed = store('--teacher-store', path, 'dtype=float32')
    assert '600/600' in printed and 'ETA' in printed  # 3 views of 200 samples
    assert f'{HEAD}: 600 of 600 rows stored' in printed
    assert TeacherStore.open(str(path)).filled() == {HEAD: 1.0, NECK: 1.0}
    filled = rows(path)
    # The config of a training in the work dir would be kept.
    assert os.listdir(tmp_path / 'work') == ['store_teacher']

    # There is nothing left to compute.
    assert 'ETA' not in store('--teacher-store', path, 'dtype=float32')
    checked = store('--teacher-store', path, '--check')
    assert f'{HEAD}: 600 of 600 rows stored' in checked
    assert 'No row is damaged.' in checked

    file = next(path.glob('*neck/rows.npy'))
    damaged = bytearray(filled[file.parent.name])
    damaged[-1] ^= 1
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(
            SystemExit, match=f'now marked as missing: {NECK} 2. This tool'):
        store('--teacher-store', path, '--check')
    # Only their batches are computed, and other rows are not touched.
    assert '80/80' in store('--teacher-store', path, 'dtype=float32')
    assert rows(path) == filled


def test_a_source_is_added(store, tmp_path):
    """KD stores the logits; KD with CC adds the features of the neck."""
    path = tmp_path / 'store'
    store('--teacher-store', path, 'views=1', config=KD)
    logits = rows(path)
    assert len(logits) == 1
    store('--teacher-store', path, 'views=1', '--mix-cc', config=KD)
    both = rows(path)
    assert len(both) == 2 and both.items() >= logits.items()
    assert TeacherStore.open(str(path)).filled() == {HEAD: 1.0, NECK: 1.0}


def test_two_ranks(store, teacher, tmp_path):
    """They store the same as one process does."""
    one, two = tmp_path / 'one', tmp_path / 'two'
    store('--teacher-store', one, 'dtype=float32')
    result = subprocess.run(
        [
            'bash', ROOT / 'tools/dist_run.sh', '2', 'store_teacher.py', CCKD,
            '--work-dir', tmp_path / 'work', '--teacher-store', two,
            'dtype=float32', *options(teacher)
        ],
        capture_output=True,
        text=True,
        # torchrun leaves its logs in TMPDIR
        env=dict(
            os.environ,
            PYTHON=sys.executable,
            PORT=free_port(),
            TMPDIR=str(tmp_path),
            OMP_NUM_THREADS='1'))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('600/600') == 1
    assert rows(one) == rows(two)


def test_killed_twice(teacher):
    """The tool for this, in short."""
    result = subprocess.run([
        sys.executable, ROOT / 'tools/check_teacher_store.py', '--kills', '2',
        '--processes', '2', '--views', '20', '--teacher', teacher
    ],
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert '2 processes killed' in result.stdout
    assert 'All rows are right.' in result.stdout


class TestBadInput:

    def test_no_store(self, store):
        with pytest.raises(SystemExit, match='no model.teacher_store; give '
                           'the folder of the store: --teacher-store PATH'):
            store()
        with pytest.raises(SystemExit, match='no model.teacher_store'):
            store('--check')

    def test_no_store_to_check(self, store, tmp_path):
        with pytest.raises(SystemExit, match='There is no teacher store in'):
            store('--teacher-store', tmp_path / 'none', '--check')
        assert not list(tmp_path.iterdir())

    def test_check_in_several_processes(self, store, tmp_path, capsys):
        with pytest.raises(SystemExit):
            store('--check', '--launcher', 'pytorch')
        assert 'runs in a single process' in capsys.readouterr().err

    def test_another_store(self, store, tmp_path):
        path = tmp_path / 'store'
        store('--teacher-store', path, 'views=1')
        before = rows(path)
        with pytest.raises(SystemExit, match='belongs to something else'):
            store('--teacher-store', path, 'views=2')
        assert rows(path) == before
