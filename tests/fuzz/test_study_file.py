"""Study files with damaged bytes and changed values."""
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from mmcckd.studies import Study
from mmcckd.studies.plan import make_run, teachers, tuning_runs

from .mutations import changed, damaged
from .outcomes import fuzz, outcome

ROOT = Path(__file__).parents[2]
CONTENT = dict(
    title='T',
    question='Q?',
    teacher=dict(config='configs/baseline/r18w16_digits.py', seeds=2),
    options={'optim_wrapper.optimizer.lr': 0.1},
    seeds=4,
    pairs='seeds',
    axis='iterations',
    sets=['train_cfg.max_iters'],
    points=dict(short=100, long=dict(value=200, options={'a.b': [1]})),
    teacher_store=dict(views=3),
    rows=dict(
        alone=dict(config='configs/baseline/r10w6_digits.py', settings=[{}]),
        kd=dict(
            config='configs/baseline/kd_r18w16_r10w6_digits.py',
            beats=['alone'],
            superclasses=10,
            teacher=dict(config='configs/baseline/r10w6_digits.py', seeds=2),
            settings=[{'a.b': 1}])))
TEXT = yaml.safe_dump(CONTENT, sort_keys=False)


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz') / 'mine.yml'


def read(path, content):
    """An error that names the file, or a study that can be planned."""
    path.write_bytes(content)
    study = outcome(lambda: Study.load(path, ROOT), str(path), ValueError)
    if study is None:
        return
    keys = {run.key for run in teachers(study)[:9]}
    for row in study.rows.values():
        for setting in row.settings or [{}]:
            keys.add(make_run(study, row, setting, 0).key)
            if study.tune_seeds < 100:
                tuning_runs(study, row, setting)
    assert keys


@given(content=damaged(TEXT.encode()))
@fuzz
def test_damaged_bytes(path, content):
    read(path, content)


@given(content=changed(CONTENT))
@fuzz
def test_changed_values(path, content):
    read(path, yaml.safe_dump(content, sort_keys=False).encode())
