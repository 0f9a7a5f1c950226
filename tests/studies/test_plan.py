from mmcckd.studies import Result, Row, Run, Study
from mmcckd.studies.plan import stages, tuned
from mmcckd.studies.rows import Teachers
from mmcckd.studies.summary import summarize

STUDY = Study(
    name='s',
    title='S',
    question='?',
    teacher=Teachers('t.py', {'t': 1}, seeds=2),
    options={'common': 1},
    tune_seeds=2,
    rows=dict(
        plain=Row('p.py'),
        chosen=Row(
            'c.py',
            options={'own': 2},
            settings=[{'x': 1}, {'x': 2}],
            beats=['plain'],
            superclasses=5)))


class File:
    def __init__(self):
        self.results = {}

    def add(self, run, **metrics):
        self.results[run.key] = Result(run, metrics, 1.0, 'c', 't')


def test_stages_one_after_another():
    file = File()
    stage = stages(STUDY, 3, file)
    assert next(stage) == dict(
        teachers=[Run('t.py', 0, {'t': 1}),
                  Run('t.py', 1, {'t': 1})])

    wanted = next(stage)
    assert wanted['plain'] == []
    runs = wanted['chosen']
    assert [run.options['x'] for run in runs] == [1, 1, 2, 2]
    assert {run.seed for run in runs}.isdisjoint(range(100))
    for run in runs:
        assert run.options == {'common': 1, 'own': 2, 'x': run.options['x']}
        assert run.superclasses == 5
        assert run.teacher == Run('t.py', run.seed % 2, {'t': 1})
    # The second is better on validation, and worse on the test.
    for run, val, test in zip(runs, (90, 80, 88, 86), (99, 99, 50, 50)):
        file.add(run, val=val, test=test)

    wanted = next(stage)
    assert [run.seed for run in wanted['plain']] == [0, 1, 2]
    assert [run.options['x'] for run in wanted['chosen']] == [2, 2, 2]
    assert list(stage) == []


def test_a_setting_of_which_a_run_failed_is_not_chosen():
    file = File()
    stage = stages(STUDY, 3, file)
    next(stage)
    row, runs = STUDY.rows['chosen'], next(stage)['chosen']
    for run, val in zip(runs, (80, 80, 99)):
        file.add(run, val=val)
    assert tuned(STUDY, row, file.results) == {'x': 1}
    file.add(runs[3], val=99)
    assert tuned(STUDY, row, file.results) == {'x': 2}


def test_a_row_whose_tuning_failed_is_left_out():
    file = File()
    stage = stages(STUDY, 3, file)
    next(stage)
    for run in next(stage)['chosen'][::2]:
        file.add(run, val=90)
    assert tuned(STUDY, STUDY.rows['chosen'], file.results) is None
    wanted = next(stage)
    assert wanted['chosen'] == [] and len(wanted['plain']) == 3
    for run in wanted['plain']:
        file.add(run, val=1, test=2)
    assert list(summarize(STUDY, file.results).rows) == ['plain']


def test_seeds_are_paired():
    file = File()
    stage = stages(STUDY, 3, file)
    next(stage)
    for run in next(stage)['chosen']:
        file.add(run, val=90 + run.options['x'], test=0)
    wanted = next(stage)
    for run in wanted['plain']:
        file.add(run, val=0, test=10 * run.seed)
    for run in wanted['chosen'][:2]:  # the last seed is missing
        file.add(run, val=0, test=11 * run.seed + 3)
    summary = summarize(STUDY, file.results)
    assert summary.rows['chosen'].setting == {'x': 2}
    comparison, = summary.comparisons
    assert (comparison.row, comparison.other) == ('chosen', 'plain')
    assert comparison.test.difference == 3.5
    assert comparison.verdict == 'not shown'  # of two pairs
