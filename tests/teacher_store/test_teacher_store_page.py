"""docs/teacher_store.md is correct: its snippets run, its table holds."""
import re
from pathlib import Path

import numpy as np
import pytest

from mmcckd.teacher_store import RecordLayout, StoreSettings, TeacherStore
from mmcckd.teacher_store.disk_space import in_units
from mmcckd.teacher_store.row_format import RowFormat

PAGE = (Path(__file__).parents[2] / 'docs/teacher_store.md').read_text()


def snippet(name):
    pattern = rf'<!-- snippet: {name} -->\n```python\n(.*?)```'
    return re.search(pattern, PAGE, re.DOTALL).group(1)


def test_config():
    scope = {}
    exec(snippet('config'), scope)
    settings = StoreSettings.from_config(scope['model']['teacher_store'])
    assert settings.views == 10


def test_defaults():
    rows = dict(
        re.findall(r"^\| `(\w+)` \| `?('?\w+'?)`? \|", PAGE, re.MULTILINE))
    defaults = StoreSettings('path', 1)
    assert rows == dict(
        seed=str(defaults.seed), dtype=repr(defaults.dtype), top_k='none')
    assert defaults.top_k is None


def test_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = TeacherStore(StoreSettings('work_dirs/teacher_store', 1), 200, {})
    store.add({'ModuleOutputs:neck': RecordLayout(dict(list=[0]), [(4, )])})
    store.write([0], [7], {'ModuleOutputs:neck': [np.ones((1, 4))]})
    scope = {}
    exec(snippet('rows'), scope)
    assert scope['features'].shape == (100, 4)
    assert scope['features'][7].tolist() == [1, 1, 1, 1]
    assert np.flatnonzero(scope['stored']).tolist() == [7]


@pytest.mark.parametrize('row', re.findall(
    r'^\| (.*), (.*) \| ([\d,]+) \+ ([\d,]+) \| ([\d,]+) \| (.*) \| '
    r'(\d+) epochs: (.*) \|$', PAGE, re.MULTILINE), ids=lambda row: row[0])
def test_disk_space(row):
    _, data, *widths, size, view, epochs, everything = row
    samples = {'ImageNet': 1_281_167, 'CIFAR-100': 50_000, 'MSMT17': 32_621}
    expected = sum(
        RowFormat(RecordLayout(0, [(int(width.replace(',', '')), )]),
                  'float16').dtype.itemsize + 4 for width in widths)
    assert int(size.replace(',', '')) == expected
    for text, number in ((view, 1), (everything, int(epochs))):
        value, unit = in_units(
            number * samples[data] * expected).split()
        assert text.split()[1] == unit
        assert float(text.split()[0]) == pytest.approx(float(value), 0.01)


def test_the_table_of_disk_space_is_found():
    assert len(test_disk_space.pytestmark[0].args[1]) == 4
