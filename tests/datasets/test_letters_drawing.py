"""Fonts, drawings, look-alikes and near copies."""
from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path

from mmcckd.datasets.letters.character_sets import read_characters
from mmcckd.datasets.letters.classes import form_classes
from mmcckd.datasets.letters.drawing import draw_characters
from mmcckd.datasets.letters.fonts import find_font_files, read_faces
from mmcckd.datasets.letters.look_alikes import differences, group_look_alikes
from mmcckd.datasets.letters.near_copies import drop_near_copies

FONTS = Path(get_data_path(), 'fonts', 'ttf')


def faces(*names):
    found, unreadable = read_faces([FONTS / f'{n}.ttf' for n in names])
    assert not unreadable
    return found


@pytest.fixture(scope='module')
def three():
    return faces('DejaVuSans', 'DejaVuSerif', 'DejaVuSans-Bold')


def test_faces_have_names_and_characters(three):
    assert [face.name for face in three] == [
        'DejaVu Sans', 'DejaVu Serif', 'DejaVu Sans Bold'
    ]
    assert three[0].count('Aé5Ж') == 4
    assert three[0].count('漢字') == 0


def test_a_font_of_placeholders_has_few_characters(three):
    placeholders = dict.fromkeys(range(1000), 'box')
    assert three[0]._replace(glyphs=placeholders).count('abcdefgh') == 1
    missing = dict.fromkeys(range(1000), '.notdef')
    assert three[0]._replace(glyphs=missing).count('abcdefgh') == 0


def test_fonts_are_found_once_in_files_and_folders(tmp_path):
    (tmp_path / 'inner').mkdir()
    (tmp_path / 'inner' / 'A.TTF').touch()
    (tmp_path / 'note.txt').touch()
    places = [str(tmp_path), str(tmp_path / 'inner' / 'A.TTF')]
    assert find_font_files(places) == [tmp_path / 'inner' / 'A.TTF']
    assert FONTS / 'DejaVuSans.ttf' in find_font_files(['matplotlib'])


def test_drawings_fill_the_box(three):
    drawings, indices = draw_characters(three[0], 'Wi 漢.')
    assert indices == [0, 1, 4]  # neither the space nor the kanji
    assert drawings.shape == (3, 32, 32) and drawings.dtype == np.uint8
    for drawing in drawings:
        rows, columns = (np.flatnonzero(drawing.any(a)) for a in (1, 0))
        extent = [r[-1] - r[0] + 1 for r in (rows, columns)]
        assert max(extent) == 28
        for r in (rows, columns):  # centered
            assert abs(r[0] - (31 - r[-1])) <= 1


def test_nothing_to_draw(three):
    drawings, indices = draw_characters(three[0], '漢字')
    assert drawings.shape == (0, 32, 32) and indices == []


def test_a_glyph_that_cannot_be_drawn_is_left_out(three, monkeypatch):
    from PIL import ImageFont
    draw = ImageFont.FreeTypeFont.getmask

    def getmask(self, text, *args, **kwargs):
        if text == 'b':
            raise OSError('invalid opcode')
        return draw(self, text, *args, **kwargs)

    monkeypatch.setattr(ImageFont.FreeTypeFont, 'getmask', getmask)
    assert draw_characters(three[0], 'abc')[1] == [0, 2]


def group(characters, faces):
    drawings, indices = zip(*(draw_characters(f, characters) for f in faces))
    return group_look_alikes(drawings, indices, len(characters))


def test_letters_of_three_alphabets_that_look_alike(three):
    # Latin, Greek, Cyrillic
    groups = group('AΑАBCОOΟ', three)
    assert groups.tolist() == [0, 0, 0, 1, 2, 3, 3, 3]


def test_a_letter_in_another_size_looks_alike(three):
    groups = group('oOgG', three)
    assert len(set(groups[2:])) == 2


def test_chains_are_not_one_group():
    """Of a, b, c in a row, a and c differ by twice as much."""
    images = np.zeros((3, 4, 4), np.uint8)
    images[1], images[2] = 15, 30
    groups = group_look_alikes([images], [[0, 1, 2]], 3)
    assert len(set(groups)) == 2 and groups[0] != groups[2]


def test_characters_without_a_common_face_are_not_alike():
    image = np.zeros((1, 4, 4), np.uint8)
    assert group_look_alikes([image, image], [[0], [1]], 2).tolist() == [0, 1]


@pytest.mark.parametrize('unlike, groups', [(1, [0, 0]), (2, [0, 1])])
def test_most_faces_decide(unlike, groups):
    same, other = np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8)
    other[1] = 255
    drawings = [other] * unlike + [same] * (4 - unlike)
    assert group_look_alikes(drawings, [[0, 1]] * 4, 2).tolist() == groups


def test_differences():
    images = np.random.default_rng(0).integers(
        256, size=(5, 8, 8)).astype(np.uint8)
    expected = [[
        np.sqrt(np.mean((a.astype(float) - b)**2)) for b in images
    ] for a in images]
    np.testing.assert_allclose(differences(images), expected, atol=0.1)


def test_a_box_for_missing_characters_is_left_out():
    rng = np.random.default_rng(0)
    letters = [
        rng.integers(256, size=(3, 4, 4)).astype(np.uint8) for _ in range(4)
    ]
    letters[3][:2] = 255  # a face that shows two characters as a box
    names, drawn, left_out = form_classes(letters, [[0, 1, 2]] * 4, 'abc', 3)
    assert names == ['a', 'b', 'c']
    assert sorted(face for label, face in drawn if label == 0) == [0, 1, 2]
    assert left_out['identical_drawings_of_different_classes'] == 2
    names, _, left_out = form_classes(letters, [[0, 1, 2]] * 4, 'abc', 4)
    assert names == ['c']
    assert left_out['classes_in_too_few_faces'] == 2


def test_near_copies(three, tmp_path):
    sans, serif, bold = three
    (tmp_path / 'Copy.ttf').write_bytes(sans.path.read_bytes())
    copy = sans._replace(path=tmp_path / 'Copy.ttf', name='Copy')
    few = copy._replace(glyphs={ord(c): c for c in 'ABC'}, name='Few')
    kept, copies = drop_near_copies([few, serif, sans, copy, bold], 'ABCDEFGH')
    assert [face.name for face in kept] == [
        'DejaVu Serif', 'DejaVu Sans', 'DejaVu Sans Bold'
    ]
    assert copies == [('Copy', 'DejaVu Sans'), ('Few', 'DejaVu Sans')]


def test_character_sets(three, tmp_path):
    kanji = read_characters('jis-level-1', three, 1)
    assert len(kanji) == len(set(kanji)) == 2965
    assert {'亜', '腕', '漢'} <= set(kanji) and '弌' not in kanji
    letters = read_characters('letters', three, 3)
    assert {'A', 'ß', 'Ж', '7'} <= set(letters)
    assert not {'.', ' ', '½', '漢'} & set(letters)
    path = tmp_path / 'mine.txt'
    path.write_text('\ufeffb a\nbЖ\n', encoding='utf-8')
    assert read_characters(str(path), three, 1) == ['a', 'b', 'Ж']


def test_wrong_character_sets(three, tmp_path):
    with pytest.raises(ValueError, match='must be "letters".*\'hiragana\''):
        read_characters('hiragana', three, 1)
    with pytest.raises(ValueError, match='No letter.*at least 4 of the 3'):
        read_characters('letters', three, 4)
    path = tmp_path / 'empty.txt'
    path.write_text(' \n')
    with pytest.raises(ValueError, match='There is no character in'):
        read_characters(str(path), three, 1)
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match='is not a text file in UTF-8'):
        read_characters(str(path), three, 1)
