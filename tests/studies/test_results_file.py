import json

import pytest

from mmcckd.studies import Result, ResultsFile, Run
from mmcckd.studies.results_file import write_results


def result(seed, **metrics):
    run = Run('configs/a.py', seed, {'a.b': [1, None]},
              Run('configs/t.py', 0), 20)
    return Result(run, dict(test=91.5, **metrics), 7.5, 'abc', '2.14.1')


def test_what_is_written_is_read(tmp_path):
    file = ResultsFile(tmp_path / 'r.jsonl')
    for seed in range(3):
        file.append(result(seed))
    again = ResultsFile(tmp_path / 'r.jsonl')
    assert again.results == file.results
    assert list(again.results.values()) == [result(s) for s in range(3)]
    write_results(tmp_path / 's.jsonl', again.results.values())
    assert (tmp_path / 's.jsonl').read_text() == (tmp_path /
                                                  'r.jsonl').read_text()


def test_empty_fields_are_read(tmp_path):
    empty = Result(Run('a', 0), {}, 0., '', '')
    write_results(tmp_path / 'r.jsonl', [empty])
    assert list(ResultsFile(tmp_path / 'r.jsonl').results.values()) == [empty]


def test_a_line_has_what_is_needed_to_repeat_it(tmp_path):
    fields = json.loads(result(3).to_json())
    assert fields['run'] == dict(
        config='configs/a.py',
        seed=3,
        options={'a.b': [1, None]},
        teacher=dict(config='configs/t.py', seed=0),
        superclasses=20)
    assert fields['commit'] == 'abc' and fields['seconds'] == 7.5


def test_keys_tell_runs_apart():
    runs = [
        Run('a', 0),
        Run('b', 0),
        Run('a', 1),
        Run('a', 0, {'x': 1}),
        Run('a', 0, {'x': 2}),
        Run('a', 0, {'x': None}),
        Run('a', 0, teacher=Run('a', 0)),
        Run('a', 0, teacher=Run('a', 1)),
        Run('a', 0, superclasses=3),
    ]
    assert len({run.key for run in runs}) == len(runs)
    for run in runs:
        assert Run.from_dict(run.to_dict()) == run
        assert Run.from_dict(run.to_dict()).key == run.key


@pytest.mark.parametrize('damage', [
    lambda line: line[:40],
    lambda line: '',
    lambda line: '[1]',
    lambda line: '{"run": {"config": "a"}}',
    lambda line: line.replace('"seconds"', '"hours"'),
    lambda line: '[' * 100_000,
    lambda line: '{"run": ["config"]}',
    lambda line: line.replace('"configs/a.py"', '3'),
    lambda line: line.replace('7.5', '"7.5"'),
    lambda line: line.replace('{"test": 91.5}', 'null'),
    lambda line: line.replace('"seed": 0', '"seed": true'),
    lambda line: line.replace('"torch"', '"curve": [[1, 2], [3]], "torch"'),
])
def test_a_damaged_line_is_named(damage, tmp_path):
    path = tmp_path / 'r.jsonl'
    lines = [result(seed).to_json() for seed in range(3)]
    lines[1] = damage(lines[1])
    path.write_text('\n'.join(lines) + '\n')
    with pytest.raises(ValueError, match=r'r.jsonl:2 is damaged.*delete'):
        ResultsFile(path)
    assert len(path.read_text().splitlines()) == 3  # nothing is dropped


def test_bytes_that_are_not_utf_8(tmp_path):
    path = tmp_path / 'r.jsonl'
    line = result(0).to_json().encode()
    path.write_bytes(line + b'\n' + line.replace(b'abc', b'a\xffc') + b'\n')
    with pytest.raises(ValueError, match=r'r.jsonl:2 is damaged.*utf-8'):
        ResultsFile(path)


def test_a_last_line_without_end(tmp_path):
    path = tmp_path / 'r.jsonl'
    path.write_text(result(0).to_json() + '\n' + result(1).to_json())
    with pytest.raises(ValueError, match=r'r.jsonl:2 does not end'):
        ResultsFile(path)


def test_two_lines_of_one_run(tmp_path):
    path = tmp_path / 'r.jsonl'
    lines = [result(0), result(1), result(0, val=3.0)]
    path.write_text(''.join(line.to_json() + '\n' for line in lines))
    with pytest.raises(ValueError, match='r.jsonl:3 is about the same run'):
        ResultsFile(path)


def test_the_first_result_of_a_run_is_kept(tmp_path):
    file = ResultsFile(tmp_path / 'r.jsonl')
    file.append(result(0))
    file.append(result(0, val=3.0))
    assert file.results == {result(0).run.key: result(0)}
    assert ResultsFile(tmp_path / 'r.jsonl').results == file.results


def test_an_interrupted_write_leaves_the_file(tmp_path):
    path = tmp_path / 'r.jsonl'
    write_results(path, [result(0)])
    before = path.read_text()

    def interrupted():
        yield result(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_results(path, interrupted())
    assert path.read_text() == before
