from pathlib import Path

import pytest
import yaml
from mmengine.registry import DATASETS

import mmcckd  # noqa: F401
from mmcckd.studies import Study
from mmcckd.studies.plan import make_run
from mmcckd.studies.training import make_config

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / 'configs/studies').glob('*.yml'))
ALONE = 'configs/baseline/r10w6_digits.py'


def minimal():
    return dict(
        title='T',
        question='Q?',
        teacher=dict(config='configs/baseline/r18w16_digits.py'),
        rows=dict(
            a=dict(config=ALONE),
            b=dict(config=ALONE, options={'optim_wrapper.optimizer.lr': 0.1})))


def load(tmp_path, content):
    path = tmp_path / 'mine.yml'
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(
        content, sort_keys=False))
    return Study.load(path, ROOT)


def test_minimal(tmp_path):
    study = load(tmp_path, minimal())
    assert study.name == 'mine'
    assert list(study.rows) == ['a', 'b']
    assert study.rows['b'].options == {'optim_wrapper.optimizer.lr': 0.1}
    assert study.teacher.seeds == 1 and study.tune_seeds == 3


@pytest.mark.parametrize('path', STUDIES, ids=lambda path: path.stem)
def test_shipped_studies(path):
    study = Study.load(path, ROOT)
    runs = {}
    for name, row in study.rows.items():
        for setting in row.settings or [{}]:
            run = make_run(study, row, setting, 0)
            # No setting is given to a row twice.
            assert runs.setdefault(run.key, name) == name, (name, setting)
            cfg = make_config(run, Path('w'), ROOT, Path('t'),
                              Path('s.npz') if row.superclasses else None)
            for option, value in run.options.items():
                entry = cfg
                for part in option.split('.'):
                    entry = entry[int(part) if part.isdigit() else part]
                if not isinstance(value, (dict, list)):
                    assert entry == value, option
    assert len(runs) == sum(
        max(1, len(row.settings)) for row in study.rows.values())


def test_samplers_of_the_shipped_studies_can_be_built():
    """Their batch size must be a multiple of each k."""
    study = Study.load(ROOT / 'configs/studies/sampler_imbalanced.yml', ROOT)
    for row in study.rows.values():
        cfg = make_config(
            make_run(study, row, {}, 0), Path('w'), ROOT, Path('t'),
            Path('s.npz') if row.superclasses else None)
        loader = cfg.train_dataloader
        sampler = loader.get('batch_sampler') or {}
        k = sampler.get('samples_per_class',
                        sampler.get('samples_per_superclass', 1))
        assert loader.batch_size % k == 0
        dataset = DATASETS.build(loader.dataset)
        assert len(dataset) == 141


def change(content, **entries):
    for path, value in entries.items():
        *parents, last = path.split('__')
        entry = content
        for part in parents:
            entry = entry[part]
        entry[last] = value
    return content


@pytest.mark.parametrize('change_, message', [
    (dict(sedes=3),
     "the study has an unknown key 'sedes'.*The keys are title"),
    (dict(rows__a__setting=[]),
     "row 'a' has an unknown key 'setting'; did you mean 'settings'"),
    (dict(teacher__seed=3), "teacher has an unknown key 'seed'; did you mean "
     "'seeds'"),
    (dict(rows__a__config='configs/baseline/r10.py'),
     "row 'a' has the config configs/baseline/r10.py, which is not in"),
    (dict(teacher__config='configs/no.py'),
     'teacher has the config configs/no.py'),
    (dict(rows=[]), r'rows must be a mapping from names to rows, but is \[\]'),
    (dict(rows__a=3), "row 'a' must be a mapping, but is 3"),
    (dict(rows__a__beats=['c']),
     "row 'a' claims to beat 'c', which is not another row; the rows are 'a', "
     "'b'"),
    (dict(rows__a__beats=['a']), "row 'a' claims to beat 'a'"),
    (dict(rows__a__settings=[{}, {}], rows__b__settings=[{}]),
     'rows have different numbers of settings'),
])
def test_bad_keys(change_, message, tmp_path):
    with pytest.raises(ValueError, match=f'(?s)mine.yml: {message}'):
        load(tmp_path, change(minimal(), **change_))


@pytest.mark.parametrize('key', ['title', 'question', 'teacher', 'rows'])
def test_missing_keys(key, tmp_path):
    content = minimal()
    del content[key]
    with pytest.raises(ValueError, match=f"the study lacks '{key}'"):
        load(tmp_path, content)


def test_no_yaml(tmp_path):
    with pytest.raises(ValueError, match='mine.yml is not YAML'):
        load(tmp_path, 'rows: [')
    with pytest.raises(ValueError, match="must be a mapping, but is 'hello'"):
        load(tmp_path, 'hello')


def test_no_such_file():
    with pytest.raises(
            ValueError, match='no study file.*objektive.yml; its folder has.*'
            'objective.yml'):
        Study.load(ROOT / 'configs/studies/objektive.yml', ROOT)
