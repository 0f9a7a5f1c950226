"""A config in a checkpoint is read as MMEngine reads it, but never run."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmcckd.export.config_text import config_text, parse_config, types

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize('name', [
    'configs/cckd/r18w16_r10w6_digits.py',
    'configs/baseline/r18w16_digits.py',
])
def test_reads_what_mmengine_writes(name):
    cfg = Config.fromfile(ROOT / name)
    assert parse_config(cfg.pretty_text).to_dict() == cfg.to_dict()


def test_reads_all_that_a_config_can_hold():
    content = dict(
        a={'not a name': 1, 'b': [dict(type='A'), (1, ), []]},
        numbers=[-1, 2.5, 1e-5, float('inf'), -float('inf'), True, None],
        strings=['"', "'", '\n', 'é', 'dict(a=1)'],
        empty=dict(),
        nested=((1, 2), [3, (4, )]))
    text = Config(content).pretty_text
    assert parse_config(text).to_dict() == content


@pytest.mark.parametrize('text, message', [
    ('import os', 'line 1 is not an assignment'),
    ("a = 1\nb = open('pwned', 'w')", 'line 2 calls a function'),
    ("a = dict(b=[__import__('os')])", 'line 1 calls a function'),
    ("a = dict(open('pwned', 'w'))", 'line 1 calls a function'),
    ("a = dict(**open('pwned', 'w'))", 'line 1 calls a function'),
    ('a = dict({}, b=1)', 'line 1 calls a function'),
    ('a = b', 'malformed node'),
    ('a = (lambda: 1)()', 'line 1 calls a function'),
    ("a = [x for x in 'ab']", 'malformed node'),
    ('a.b = 1', "'Attribute' object has no attribute 'id'"),
    ('a = b = 1', 'too many values to unpack'),
    ('a = <class>', 'invalid syntax'),
    ('a = ' + '-' * 5000 + '1', 'plain data'),
])
def test_runs_nothing(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        parse_config(text)
    assert not list(tmp_path.iterdir())


def test_custom_imports_are_not_imported():
    cfg = parse_config("custom_imports = dict(imports=['nowhere'],"
                       'allow_failed_imports=False)')
    assert cfg.custom_imports.imports == ['nowhere']


@pytest.mark.parametrize('content', [
    {"a': 1, 'b": 1}, {'\n': 1}, dict(a={"'": 1}), dict(a='{{$HOME:x}}'),
    dict(a='{{ fileDirname }}'), dict(a=[{"a'": 1}])
])
def test_text_that_would_give_another_config(content):
    with pytest.raises(ValueError, match='it cannot be written as text'):
        config_text(Config(content))


def test_text_of_a_config():
    cfg = Config(dict(a=dict(b=[1, (2, 'é"')]), c={'not a name': None}))
    assert config_text(cfg) == cfg.pretty_text
    again = Config.fromstring(config_text(cfg), '.py')
    assert again.to_dict() == cfg.to_dict()


def test_types_are_found_everywhere():
    config = dict(type='A', b=[dict(type='B'), (dict(c=dict(type='C')), )])
    assert list(types(config)) == ['A', 'B', 'C']
