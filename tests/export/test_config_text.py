"""A config in a checkpoint is read as MMEngine reads it, but never run."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmcckd.export.config_text import check_types, parse_config, types

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


def test_custom_imports_are_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'of_the_user.py').write_text(
        'from mmpretrain.registry import MODELS\n'
        '@MODELS.register_module()\n'
        'class OfTheUser: pass\n')
    cfg = parse_config("custom_imports = dict(imports=['of_the_user'])\n"
                       "model = dict(type='mmpretrain.OfTheUser')")
    check_types(cfg)
    with pytest.raises(ImportError, match='nowhere_to_be_found'):
        parse_config("custom_imports = dict(imports=['nowhere_to_be_found'],"
                     'allow_failed_imports=False)')


def test_types_are_found_everywhere():
    config = dict(type='A', b=[dict(type='B'), (dict(c=dict(type='C')), )])
    assert list(types(config)) == ['A', 'B', 'C']


def test_registered_types_pass():
    check_types(
        Config(
            dict(
                a=[dict(type='Anything'), dict(type='mmpretrain.ResNet')],
                b=dict(type='mmrazor.WideResNet'),
                c=dict(type='mmengine.DefaultSampler'))))


@pytest.mark.parametrize('name', [
    'os.system', 'mmengine.load', 'mmengine.runner.load_checkpoint',
    'mmpretrain.get_model', 'mmcckd.Digits'
])
def test_paths_of_functions_do_not(name):
    with pytest.raises(ValueError, match=f'type {name!r}, which is not in a '):
        check_types(Config(dict(a=[dict(b=dict(type=name))])))
