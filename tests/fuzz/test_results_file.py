"""Results of studies with damaged bytes and changed values."""
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.studies import Result, ResultsFile, Run
from mmcckd.studies.results_file import write_results

from .mutations import changed, damaged
from .outcomes import fuzz, outcome

TEACHER = Run('configs/t.py', 0, teacher_store=dict(views=3))
SOUND = [
    Result(
        Run('configs/a.py', seed, {'a.b': [1, None]}, TEACHER, 20),
        dict(test=91.5, val=90.25), 7.5, 'abc', '2.14.1',
        [[0, 10.5], [100, 80.25]], 'A processor') for seed in range(3)
]
TEXT = ''.join(result.to_json() + '\n' for result in SOUND)


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz') / 'results.jsonl'


def read(path, content):
    path.write_bytes(content)
    found = outcome(lambda: ResultsFile(path).results, str(path), ValueError)
    if found is not None:
        check_valid(path, found)
    return found


def check_valid(path, results):
    """All that tables and figures use has its type, and it can be written."""
    for key, result in results.items():
        run = result.run
        assert key == run.key and isinstance(run.config, str)
        sum([run.seed, result.seconds, *result.metrics.values()])
        sum(x + y for x, y in result.curve)
        dict(run.options, **(run.teacher_store or {}))
    write_results(path, results.values())
    assert ResultsFile(path).results.keys() == results.keys()


@given(content=damaged(TEXT.encode()))
@fuzz
def test_damaged_bytes(path, content):
    """An error that names the line, or at most as many results. A digit that
    is another one cannot be noticed."""
    found = read(path, content)
    if found is not None:
        assert len(found) <= len(SOUND) + 3


@given(fields=changed(json.loads(SOUND[0].to_json())))
@fuzz
def test_changed_values(path, fields):
    read(path, (json.dumps(fields) + '\n').encode())


@given(
    config=st.text(),
    seed=st.integers(),
    metrics=st.dictionaries(st.text(), st.floats(allow_nan=False)),
    seconds=st.floats(0),
    processor=st.text())
@fuzz
def test_what_is_written_is_read(path, config, seed, metrics, seconds,
                                 processor):
    result = Result(
        Run(config, seed), metrics, seconds, 'a', 'b', processor=processor)
    write_results(path, [result])
    assert list(ResultsFile(path).results.values()) == [result]
