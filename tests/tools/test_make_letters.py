"""tools/make_letters.py as its users run it."""
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image

from mmcckd.datasets import Letters

TOOL = Path(__file__).parent.parent.parent / 'tools/make_letters.py'
FONTS = Path(get_data_path(), 'fonts', 'ttf')
FILES = [
    str(FONTS / f'DejaVu{name}.ttf')
    for name in ('Sans', 'Sans-Bold', 'Sans-Oblique', 'Serif', 'Serif-Bold',
                 'SansMono')
]
SMALL = [
    '--classes', 10, '--unseen', 4, '--faces-train', 3, '--faces-test', 2,
    '--min-faces', 3
]


@pytest.fixture
def characters(tmp_path):
    path = tmp_path / 'characters.txt'
    path.write_text('ABDEFGHJKLMNPQRTUVWY')
    return str(path)


@pytest.fixture
def make(monkeypatch, characters, tmp_path):

    def make(*arguments, fonts=FILES, out=None):
        out = out or tmp_path / 'data'
        monkeypatch.setattr(sys, 'argv', [
            str(TOOL),
            str(out), '--fonts', *fonts, '--characters', characters,
            *map(str, [*SMALL, *arguments])
        ])
        runpy.run_path(str(TOOL), run_name='__main__')
        return out

    return make


def refused(make, tmp_path, *arguments, **kwargs):
    """The message; nothing is left behind."""
    with pytest.raises(SystemExit) as error:
        make(*arguments, **kwargs)
    if 'out' not in kwargs:
        assert not list(tmp_path.glob('*data*/*'))
        assert not list(tmp_path.glob('.data*'))
    return error.value.code


def test_the_same_bytes_on_a_second_run(make, tmp_path):
    one, again = (make(out=tmp_path / name) for name in ('a', 'b'))
    other = make('--seed', 1, out=tmp_path / 'c')
    names = sorted(path.name for path in one.iterdir())
    assert names == [
        'contact_sheet.png', 'images.npy', 'labels.npy', 'letters.json'
    ]
    for name in names:
        assert (one / name).read_bytes() == (again / name).read_bytes()
    assert (one / names[-1]).read_bytes() != (other / names[-1]).read_bytes()


def test_after_a_process_was_killed(make, tmp_path):
    partial = tmp_path / '.data.partial_folder'
    partial.mkdir()
    (partial / 'images.npy').touch()
    make()
    assert not list(tmp_path.glob('.data*'))


def test_says_what_it_made(make, capsys):
    out = make()
    printed = capsys.readouterr().out
    facts = json.loads((out / 'letters.json').read_text(encoding='utf-8'))
    number = len(facts['classes'])
    assert f'classes: {number} (10 train, 4 unseen, {number - 14} other)' in (
        printed)
    assert 'faces: 6 (3 train, 2 test, 1 val)' in printed
    classes, faces = np.load(out / 'labels.npy').T
    assert len(Letters(str(out))) == sum(
        np.isin(classes, facts['classes_of']['train'])
        & np.isin(faces, facts['faces_of']['train']))
    sheet = Image.open(out / 'contact_sheet.png')
    assert sheet.width == 6 * 32 + 2 * 6


def test_the_fonts_are_not_needed_later(make, tmp_path):
    fonts = tmp_path / 'fonts'
    fonts.mkdir()
    for file in map(Path, FILES):
        (fonts / file.name).write_bytes(file.read_bytes())
    out = make(fonts=[str(fonts)])
    for file in fonts.iterdir():
        file.unlink()
    assert len(Letters(str(out))) > 0
    assert str(tmp_path) not in (out / 'letters.json').read_text()


def test_an_unreadable_font_is_named_and_left_out(make, tmp_path, capsys):
    for name, content in (('damaged.ttf', b'no font'), ('empty.otf', b''),
                          ('cut.ttc', b'ttcf\0\1\0\0')):
        (tmp_path / name).write_bytes(content)
    (tmp_path / 'short.ttf').write_bytes(Path(FILES[0]).read_bytes()[:5000])
    make(fonts=[*FILES, str(tmp_path)])
    printed = capsys.readouterr().out
    assert ('unreadable files: 4: cut.ttc, damaged.ttf, empty.otf, short.ttf'
            in printed)


def test_only_unreadable_fonts(make, tmp_path):
    (tmp_path / 'damaged.ttf').write_bytes(b'no font')
    message = refused(make, tmp_path, fonts=[str(tmp_path)])
    assert 'None of the 1 font files can be read: damaged.ttf (' in message


def test_no_fonts(make, tmp_path):
    message = refused(make, tmp_path, fonts=[str(tmp_path)])
    assert 'There are no font files' in message
    assert 'fonts-noto-cjk' in message
    message = refused(make, tmp_path, fonts=['nowhere'])
    assert 'There is no file or folder nowhere' in message


def test_fonts_without_the_characters(make, tmp_path):
    message = refused(make, tmp_path, '--characters', 'jis-level-1')
    assert 'of 6 faces, 0 have at least 40% of the 2,965' in message
    assert 'has the most, 0)' in message and 'fonts-noto-cjk' in message


def test_more_faces_than_there_are(make, tmp_path):
    message = refused(make, tmp_path, '--faces-test', 3)
    assert '7 faces are needed' in message and 'there are 6' in message


def test_more_classes_than_there_are(make, tmp_path):
    message = refused(make, tmp_path, '--classes', 100)
    assert '104 classes are asked for, but of 20 characters, ' in message


@pytest.mark.parametrize('option', ['--classes', '--faces-train'])
def test_numbers_are_positive(make, tmp_path, option):
    message = refused(make, tmp_path, option, 0)
    assert 'must be at least 1, but is 0' in message


def test_a_folder_with_something_in_it(make, tmp_path):
    out = tmp_path / 'mine'
    out.mkdir()
    make(out=out)  # empty
    before = sorted(path.name for path in out.iterdir())
    message = refused(make, tmp_path, out=out)
    assert 'is not empty; give a new folder' in message
    assert sorted(path.name for path in out.iterdir()) == before
    message = refused(make, tmp_path, out=out / 'labels.npy')
    assert 'is a file; give a new folder' in message
