"""Draw the correlation matrices of a teacher and its student.

Pillow is used, since the picture is drawn during training: Matplotlib would
take ten times as long for the text alone.
"""
from pathlib import Path
from typing import Optional

import matplotlib
import numpy as np
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

# The lightness of both color maps is monotonic, so they can be read without
# colors, and they suit color-blind people. The middle of cividis is gray,
# between blue and yellow.
CORRELATIONS, DIFFERENCES = 'viridis', 'cividis'
# Sizes in pixels, of the picture, of each of the three matrices, and of the
# color bars beside the last two.
WIDTH, HEIGHT = 1280, 420
SIZE, TOP, LEFT = 320, 64, (60, 430, 880)
BAR, GAP, TICK = 14, 12, 4
# Maximum number of classes that are named and separated by lines.
MAX_NAMED = 20
BLACK, PAPER = '#111111', '#ffffff'


def draw_correlations(student: np.ndarray,
                      teacher: np.ndarray,
                      labels: Optional[np.ndarray] = None,
                      title: str = '') -> np.ndarray:
    """Draw the correlations of teacher and student, and student − teacher.

    The first two have the same color scale, which covers their common range.
    The color scale of the difference is symmetric around 0. The size of the
    picture is fixed. If there are more samples than pixels (320), neighboring
    entries are averaged.

    Args:
        student (np.ndarray): Correlation matrix of the student, (n, n),
            floating point.
        teacher (np.ndarray): Correlation matrix of the teacher, (n, n).
        labels (np.ndarray, optional): The class of each sample, (n, ),
            sorted. The boundaries of classes are marked, and up to 20 classes
            are named. Defaults to None, which means no classes.
        title (str): Title of the picture. Defaults to no title.

    Returns:
        np.ndarray: RGB, (420, 1280, 3), uint8.
    """
    picture = Image.new('RGB', (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(picture)
    font = Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf')
    pen.font = ImageFont.truetype(str(font), 15)
    pen.text((WIDTH / 2, 18), title, BLACK, anchor='mm')
    names = ('Teacher', 'Student', 'Student − teacher')
    for left, name in zip(LEFT, names):
        pen.text((left + SIZE / 2, TOP - 14), name, BLACK, anchor='mm')

    pen.font = ImageFont.truetype(str(font), 12)
    difference = student - teacher
    low = min(student.min(), teacher.min())
    high = max(student.max(), teacher.max())
    furthest = np.abs(difference).max() or 1
    for left, matrix, *scale in (
        (LEFT[0], teacher, CORRELATIONS, low, high),
        (LEFT[1], student, CORRELATIONS, low, high),
        (LEFT[2], difference, DIFFERENCES, -furthest, furthest)):
        picture.paste(_color(_resize(matrix), *scale), (left, TOP))
        _mark_classes(pen, left, labels)
        if matrix is not teacher:  # its scale is that of the student
            _add_bar(picture, pen, left + SIZE + GAP, *scale)
    return np.array(picture)


def _resize(matrix: np.ndarray) -> np.ndarray:
    """Resize to the size of the picture: entries become squares, or means."""
    image = Image.fromarray(matrix.astype(np.float32))
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX))


def _color(matrix: np.ndarray, colors: str, low: float,
            high: float) -> Image.Image:
    shares = (matrix - low) / ((high - low) or 1)
    return Image.fromarray(
        matplotlib.colormaps[colors](shares, bytes=True)[..., :3].copy())


def _add_bar(picture: Image.Image, pen: ImageDraw.ImageDraw, left: int,
             colors: str, low: float, high: float) -> None:
    """Draw a color bar with ticks."""
    values = np.linspace(high, low, SIZE)[:, None].repeat(BAR, axis=1)
    picture.paste(_color(values, colors, low, high), (left, TOP))
    if not low < high or not np.isfinite(high - low):
        pen.text((left + BAR + TICK, TOP), f'{high:g}', BLACK, anchor='lm')
        return
    for value in MaxNLocator(6).tick_values(low, high):
        if low <= value <= high:
            y = TOP + round((SIZE - 1) * (high - value) / (high - low))
            pen.line((left + BAR, y, left + BAR + TICK, y), BLACK)
            pen.text((left + BAR + 2 * TICK, y),
                     f'{value:.6g}'.replace('-', '−'),
                     BLACK,
                     anchor='lm')


def _mark_classes(pen: ImageDraw.ImageDraw, left: int,
                  labels: Optional[np.ndarray]) -> None:
    """Draw lines between classes, and their names. If there are many classes,
    draw only ticks."""
    by_class = 'sample' if labels is None else 'sample, sorted by class'
    pen.text((left + SIZE / 2, TOP + SIZE + 16), by_class, BLACK, anchor='mm')
    if labels is None:
        return
    classes, begins = np.unique(labels, return_index=True)
    edges = np.round(np.append(begins, len(labels)) * SIZE / len(labels))
    named = len(classes) <= MAX_NAMED
    for edge in edges[1:-1]:
        x, y = left + edge, TOP + edge
        if named:
            pen.line((left, y, left + SIZE - 1, y), PAPER)
            pen.line((x, TOP, x, TOP + SIZE - 1), PAPER)
        else:  # lines would hide the samples
            pen.line((left - TICK, y, left - 1, y), BLACK)
            pen.line((x, TOP + SIZE, x, TOP + SIZE + TICK - 1), BLACK)
    if named:
        for name, begin, end in zip(classes, edges, edges[1:]):
            pen.text((left - TICK, TOP + (begin + end) / 2),
                     str(name),
                     BLACK,
                     anchor='rm')
