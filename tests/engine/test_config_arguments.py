"""Arguments of the command lines change the config."""
import argparse

import pytest

from mmcckd.arguments import OptionsAction


@pytest.mark.parametrize('value, expected', [
    ('/a folder/of my own/x.pth', '/a folder/of my own/x.pth'),
    ('"/a folder/x.pth"', '/a folder/x.pth'),
    ('/folder/x.pth', '/folder/x.pth'),
    # All else is as MMEngine has it.
    ('1', 1),
    ('0.5', 0.5),
    ('None', None),
    ('true', True),
    ('[1, 2]', [1, 2]),
    ('(1, 2)', (1, 2)),
    ('a, b', ['a', 'b']),
    ('[(1, 2), [a, b], c]', [(1, 2), ['a', 'b'], 'c']),
])
def test_a_value_keeps_its_spaces(value, expected):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    args = parser.parse_args(['--cfg-options', f'key={value}', 'other=1'])
    assert args.cfg_options == dict(key=expected, other=1)
