from datetime import date
from pathlib import Path

import pytest
import yaml
from mmengine.registry import DATASETS

import mmcckd  # noqa: F401
from mmcckd.studies import Run, Study
from mmcckd.studies.plan import make_run, teachers
from mmcckd.studies.training import make_config

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / 'configs/studies').glob('*.yml'))
ALONE = 'configs/baseline/r10w6_digits.py'
KD = 'configs/baseline/kd_r18w16_r10w6_digits.py'
CCKD = 'configs/cckd/r18w16_r10w6_digits.py'


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
    runs, read = {}, set()
    for name, row in study.rows.items():
        for setting in row.settings or [{}]:
            run = make_run(study, row, setting, 0)
            # No setting is given to a row twice.
            assert run.key not in runs, (name, setting)
            runs[run.key] = name
            # Only one of the configs that have the same options is read.
            options = (run.config, *sorted(run.options))
            if options in read:
                continue
            read.add(options)
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


def test_teacher_store(tmp_path):
    """Rows of a teacher share a store, and those without have its views."""
    content = minimal()
    content['teacher_store'] = dict(views=4, dtype='float32')
    content['rows'] = dict(
        alone=dict(config=ALONE),
        kd=dict(config=KD),
        cckd=dict(config=CCKD, options={'optim_wrapper.optimizer.lr': 0.1}),
        one=dict(config=KD, teacher_store=dict(views=1)),
        other=dict(
            config=KD,
            options={'train_dataloader.dataset.samples_per_class': 10}))
    study = load(tmp_path, content)
    runs = {
        name: make_run(study, row, {}, 0)
        for name, row in study.rows.items()
    }
    without = load(tmp_path, dict(content, teacher_store={}))
    assert runs['kd'].key != make_run(without, without.rows['kd'], {}, 0).key
    assert runs['kd'].teacher == make_run(without, without.rows['kd'], {},
                                          0).teacher
    assert Run.from_dict(runs['kd'].to_dict()) == runs['kd']
    cfgs = {
        name: make_config(run, Path('w'), ROOT, Path('t'), None)
        for name, run in runs.items()
    }
    assert cfgs['alone'].custom_hooks == [
        dict(type='RepeatableViewsHook', views=4, seed=0)
    ]
    assert 'teacher_store' not in cfgs['alone'].model
    stores = {
        name: cfg.model.teacher_store
        for name, cfg in cfgs.items() if name != 'alone'
    }
    # CCKD also records the features, so its teacher is prepared otherwise.
    assert stores['kd'].path != stores['cckd'].path
    assert stores['kd'].views == 4 and stores['kd'].dtype == 'float32'
    assert stores['one'].views == 1 and stores['one'].dtype == 'float32'
    paths = {Path(store.path) for store in stores.values()}
    assert len(paths) == 4 and {path.parent for path in paths} == {Path('t')}
    teacher = make_config(runs['kd'].teacher, Path('t'), ROOT, None, None)
    assert not teacher.get('custom_hooks')


def test_a_row_with_other_teachers(tmp_path):
    content = minimal()
    content['teacher']['seeds'] = 2
    content['rows']['b']['teacher'] = dict(config=ALONE, seeds=2)
    study = load(tmp_path, content)
    runs = [make_run(study, row, {}, 3) for row in study.rows.values()]
    assert [run.teacher.config for run in runs] == [
        study.teacher.config, ALONE
    ]
    assert [run.teacher.seed for run in runs] == [1, 1]
    assert len(teachers(study)) == 4


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
    (dict(seeds=1), 'seeds must be an int of at least 2, .* but is 1'),
    (dict(sets=['a']), 'sets names a, but there are no points'),
    (dict(pairs='rows'), "pairs must be teachers or seeds, but is 'rows'"),
    (dict(rows__a__teacher=dict(
        config='configs/baseline/r18w16_digits.py', seeds=2)),
     "row 'a' has 2 teachers and the study 1"),
    (dict(rows__a__teacher=dict(config='no.py')),
     "row 'a': teacher has the config no.py"),
    (dict(points=dict(p='x'), sets=['a']), "point 'p' must be a number"),
    (dict(teacher_store=dict(veiws=1)), "teacher_store of row 'a': "
     ".*no key 'veiws'; did you mean 'views'"),
    (dict(teacher_store=dict(dtype='float32')), "teacher_store of row 'a': "
     ".*needs the key 'views'"),
    (dict(rows__b__teacher_store=dict(views=0)),
     "teacher_store of row 'b': .*views should be 1 or more"),
    (dict(teacher_store=dict(views=2, path='p')), 'teacher_store has a path'),
    (dict(title=3), 'the study: title must be of type str, but is 3'),
    (dict(options=[1]), r'the study: options must be .*Dict\[str, Any\], but '
     r'is \[1\]'),
    (dict(options={'a': date(2026, 1, 1)}), 'the study: options must be of'),
    (dict(options={'a': {1: 2}}), 'the study: options must be of type'),
    (dict(tune_seeds=0), 'tune_seeds must be at least 1, but is 0'),
    (dict(teacher__seeds=0), 'teacher must have at least 1 seed, but has 0'),
    (dict(rows__a__config=7), "row 'a': config must be of type str, but is 7"),
    (dict(rows__a__config='9' * 5000), "row 'a' has the config 999"),
    (dict(rows__a__settings=3), "row 'a': settings must be of type List"),
    (dict(rows__a__beats='b'), "row 'a': beats must be of type List"),
    (dict(rows={1: dict(config=ALONE)}), 'row 1 must have a text as its name'),
    (dict(points=dict(p=dict(value=1, options=3))),
     "point 'p' must be a number, or a mapping with value and options"),
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


@pytest.mark.parametrize('content', [
    '[' * 100_000, '- ' * 10_000, 'seeds: !!int ""', 'seeds: !!bool x',
    'seeds: 2001-99-99', 'seeds: ' + '9' * 5000, 'a: &a [*a]',
    'a: &a [1]\n' + ''.join(
        f'{b}: &{b} [*{a}, *{a}, *{a}]\n'
        for a, b in zip('abcdefghijklmnopqrst', 'bcdefghijklmnopqrstu'))
])
def test_yaml_that_breaks_its_reader(content, tmp_path):
    with pytest.raises(ValueError, match='mine.yml is not YAML'):
        load(tmp_path, content)


@pytest.mark.parametrize('content', ['(' * 10**5, f'? {"(" * 10**5}\n: 1'])
def test_messages_are_short(content, tmp_path):
    with pytest.raises(ValueError, match='mine.yml: the study ') as caught:
        load(tmp_path, content)
    assert len(str(caught.value)) < 1000


def test_bytes_that_are_not_utf_8(tmp_path):
    (tmp_path / 'mine.yml').write_bytes(b'title: \xff')
    with pytest.raises(ValueError, match='mine.yml is not YAML'):
        Study.load(tmp_path / 'mine.yml', ROOT)


def test_no_such_file():
    with pytest.raises(
            ValueError, match='no study file.*objektive.yml; its folder has.*'
            'objective.yml'):
        Study.load(ROOT / 'configs/studies/objektive.yml', ROOT)
