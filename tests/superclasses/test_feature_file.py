"""Feature files that are damaged are not continued."""
import json

import numpy as np
import pytest

from mmcckd.superclasses import FeatureFile

N, DONE = 20, 13


def feature_file(folder):
    return FeatureFile(folder, dict(module='neck'), N, 'float32')


@pytest.fixture
def file(tmp_path):
    file = feature_file(tmp_path)
    with file.writing():
        file.write(0, np.ones((DONE, 4)), np.arange(DONE) != 5)
    return file


def test_is_continued(file, tmp_path):
    again = feature_file(tmp_path)
    assert again.rows_done == DONE and again.unreadable == [5]


@pytest.mark.parametrize('damage', [
    lambda content: content[:-16], lambda content: content[:100],
    lambda content: b'', lambda content: content + b'x',
    lambda content: content.replace(b'(20, 4)', b'(10, 8)'),
    lambda content: content.replace(b"'<f4'", b"'<i4'")
])
def test_damaged_features(file, damage, tmp_path):
    """NumPy would fill up a file that has lost its end with zeros."""
    content = damage(file.path.read_bytes())
    file.path.write_bytes(content)
    with pytest.raises(ValueError, match='damaged: .*Delete both; the featur'):
        feature_file(tmp_path)
    assert file.path.read_bytes() == content


@pytest.mark.parametrize('note', [
    '', '[]', '[' * 100_000, dict(rows_done=N + 1), dict(rows_done=-1),
    dict(rows_done='3'), dict(rows_done=True), dict(unreadable=None),
    dict(unreadable=[DONE]), dict(unreadable=['5']), dict(unreadable=[-1]),
    dict(job=dict(module='fc'))
], ids=lambda note: str(note)[:20])
def test_damaged_note(file, note, tmp_path):
    if isinstance(note, dict):
        note = json.dumps(dict(json.loads(file.note.read_text()), **note))
    file.note.write_text(note)
    with pytest.raises(ValueError, match='.json is damaged: .*Delete both; '):
        feature_file(tmp_path)
