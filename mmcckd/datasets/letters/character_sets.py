"""Which characters are drawn."""
import unicodedata
from collections import Counter
from pathlib import Path
from typing import List, Sequence

from .fonts import Face

# Cased letters, letters of alphabets without case, and decimal digits.
LETTERS = ('Lu', 'Ll', 'Lt', 'Lo', 'Nd')


def read_characters(characters: str, faces: Sequence[Face],
                    min_faces: int) -> List[str]:
    """Return the characters of a character set, sorted by code point.

    Args:
        characters (str): "letters" for the letters and digits that at least
            ``min_faces`` faces have; "jis-level-1" for the 2,965 kanji of
            JIS X 0208, level 1; or a text file with the characters, UTF-8,
            in which whitespace is ignored.
        faces (Sequence[Face]): The faces.
        min_faces (int): See above.

    Returns:
        List[str]: The characters.

    Raises:
        ValueError: If it is none of the names above and no file, the file is
            not UTF-8, or there is no character.
    """
    if characters == 'letters':
        counts = Counter(point for face in faces for point in face.glyphs)
        chosen = [
            chr(point) for point, count in counts.items()
            if count >= min_faces and unicodedata.category(chr(point)) in
            LETTERS
        ]
    elif characters == 'jis-level-1':
        chosen = _jis_level_1()
    elif Path(characters).is_file():
        try:
            text = Path(characters).read_text(encoding='utf-8')
        except UnicodeDecodeError as error:
            raise ValueError(f'{characters} is not a text file in UTF-8: '
                             f'{error}.') from error
        chosen = set(text) - {'\ufeff'}
        chosen = [char for char in chosen if not char.isspace()]
    else:
        raise ValueError('characters must be "letters", "jis-level-1" or a '
                         f'text file, but is {characters!r}.')
    if not chosen:
        raise ValueError(
            f'There is no character in {characters}.' if characters !=
            'letters' else
            f'No letter or digit is in at least {min_faces} of the '
            f'{len(faces)} faces; give more fonts, or a smaller min_faces.')
    return sorted(chosen)


def _jis_level_1() -> List[str]:
    """Rows 16 to 47 of JIS X 0208, which Python has as ISO-2022-JP."""
    characters = []
    for row in range(0x30, 0x50):
        for cell in range(0x21, 0x7f):
            code = b'\x1b$B' + bytes([row, cell]) + b'\x1b(B'
            characters.append(code.decode('iso2022_jp', errors='ignore'))
    return list(filter(None, characters))
