"""Runs of a study with a teacher store."""
import itertools
from pathlib import Path

import pytest
import torch

from mmcckd.models.algorithms.teacher_inference import TeacherInference
from mmcckd.studies import Run
from mmcckd.studies.training import train
from mmcckd.teacher_store import TeacherStore

ROOT = Path(__file__).parents[2]
SHORT = {'train_cfg.max_epochs': 2, 'param_scheduler.T_max': 2}
TEACHER = Run('configs/baseline/r18w16_digits.py', 0, SHORT)
KD = 'configs/baseline/kd_r18w16_r10w6_digits.py'
CCKD = 'configs/cckd/r18w16_r10w6_digits.py'
STORE = dict(views=2, dtype='float32')
VIEWS = [dict(type='RepeatableViewsHook', views=2)]


@pytest.fixture(scope='module')
def teacher(tmp_path_factory):
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp('teacher')
    train(TEACHER, folder / 't', ROOT)
    yield folder / 't'
    torch.set_num_threads(threads)


def test_runs_share_a_store(teacher, tmp_path, monkeypatch):
    """A run with the store has the metrics of one with the views alone."""

    number = itertools.count()

    def metrics(config, options=SHORT, store=STORE):
        # Otherwise, MMEngine's names of runs in one second are equal.
        name = f'{tmp_path.name}_{next(number)}'
        run = Run(config, 3, dict(options, experiment_name=name), TEACHER,
                  teacher_store=store)
        return train(run, tmp_path / 'run', ROOT, teacher)

    first = metrics(KD)
    store, = teacher.glob('teacher_store_*')
    assert TeacherStore.open(str(store)).filled() == {
        'ModuleOutputs:head.fc': 1.0
    }
    with monkeypatch.context() as without_teacher:
        without_teacher.delattr(TeacherInference, '_prepare')
        assert metrics(KD) == first
    assert metrics(KD, dict(SHORT, custom_hooks=VIEWS), None) == first
    assert metrics(KD, store=None) != first
    # What is recorded may change how the teacher is prepared, and so its bits.
    metrics(CCKD)
    other, = set(teacher.glob('teacher_store_*')) - {store}
    assert TeacherStore.open(str(other)).filled() == {
        'ModuleOutputs:head.fc': 1.0,
        'ModuleOutputs:neck': 1.0
    }
