"""Text in the font of the pictures."""
from functools import cache
from pathlib import Path

import matplotlib


def drawable(text: str) -> str:
    """Replace the characters that DejaVu Sans does not have.

    Class and file names may be in any language, and the pictures are drawn
    with the font that Matplotlib ships, which has no Chinese, for instance.

    Args:
        text (str): The text.

    Returns:
        str: The text with, for example, "U+4ED8" instead of "付".
    """
    return ''.join(c if ord(c) in _characters() else f'U+{ord(c):04X}'
                   for c in text)


@cache
def _characters() -> frozenset:
    from fontTools.ttLib import TTFont  # slow to import
    path = Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf')
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())
