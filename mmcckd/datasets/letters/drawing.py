"""The drawing of a character in a face."""
from typing import List, Sequence, Tuple

import numpy as np
from PIL import Image, ImageFont

from .fonts import Face

# Height and width of a drawing, and of the box that the character fills.
SIZE, BOX = 32, 28
# Size in which FreeType draws before the drawing is scaled to the box.
FONT_SIZE = 64


def draw_characters(face: Face,
                    characters: Sequence[str]) -> Tuple[np.ndarray, List[int]]:
    """Draw characters in a face, white on black.

    Each character is cropped, scaled to 28 pixels in its longer direction
    with its aspect ratio kept, and centered. Position and size in a line of
    text are lost, so o and O become similar.

    Characters that the face does not have, and glyphs that are empty or
    cannot be drawn, are left out.

    Args:
        face (Face): The face.
        characters (Sequence[str]): The characters.

    Returns:
        Tuple[np.ndarray, List[int]]: Drawings, (n, 32, 32), uint8, and the
        index of each among the characters, in increasing order.
    """
    font = ImageFont.truetype(
        str(face.path),
        FONT_SIZE,
        index=face.index,
        layout_engine=ImageFont.Layout.BASIC)
    drawings, indices = [], []
    for i, character in enumerate(characters):
        if face.glyphs.get(ord(character), '.notdef') == '.notdef':
            continue
        try:
            mask = font.getmask(character, mode='L')
        except OSError:  # a broken glyph
            continue
        width, height = mask.size
        glyph = np.asarray(mask, dtype=np.uint8).reshape(height, width)
        if glyph.any():
            drawings.append(_fit(glyph))
            indices.append(i)
    return np.array(drawings, np.uint8).reshape(-1, SIZE, SIZE), indices


def _fit(glyph: np.ndarray) -> np.ndarray:
    rows, columns = (np.flatnonzero(glyph.any(axis)) for axis in (1, 0))
    glyph = glyph[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = BOX / max(glyph.shape)
    height, width = (max(1, round(length * scale)) for length in glyph.shape)
    scaled = Image.fromarray(glyph).resize((width, height), Image.BOX)
    drawing = np.zeros((SIZE, SIZE), np.uint8)
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    drawing[top:top + height, left:left + width] = scaled
    return drawing
