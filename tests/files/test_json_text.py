import json

import pytest

from mmcckd.files.json_text import MAX_DEPTH, parse_json


@pytest.mark.parametrize('value', [
    3, 'a [[ "{" \\" b', {'[[[': ['}', {}]}, ['[' * 1000, '\\' + '{' * 1000],
    {'\\': ['"' + '[' * 1000]}
])
def test_gives_what_json_gives(value):
    assert parse_json(json.dumps(value)) == value


def test_depth():
    assert parse_json('[' * MAX_DEPTH + ']' * MAX_DEPTH)
    # Python would crash, since MMRazor raises its recursion limit.
    for text in ('[' * 100_000, '{"a":' * 100_000):
        with pytest.raises(ValueError, match='nested more than 100 deep'):
            parse_json(text)


def test_no_json():
    with pytest.raises(ValueError, match='Expecting value'):
        parse_json('[1, ')
