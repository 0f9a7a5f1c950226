"""Rank lists of queries as one picture."""
from dataclasses import replace
from pathlib import Path
from typing import List, Sequence, Tuple, Union

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch.utils.data import Dataset

from mmcckd.datasets.sample_image import load_image
from mmcckd.files.atomic import atomic_write
from mmcckd.visualization.drawable_text import drawable

from . import captions
from .reid_model import Search
from .test_set import ReIDTestSet

# Number of queries times models. A larger picture is too large for viewers.
MAX_ROWS = 200

# Sizes in pixels, of an image and what is around it.
WIDTH, HEIGHT = 80, 160
FRAME, BAR = 4, 18
CELL = WIDTH + 2 * FRAME + 12
MARGIN = 16
LINE = 15
TITLE = 24
DASH, GAP = 8, 5
LINES_OF_A_CAPTION = 3

BLACK, GRAY, PAPER = '#111111', '#555555', '#ffffff'


def write_picture(path: Union[str, Path], dataset: Dataset,
                  test_set: ReIDTestSet, queries: Sequence[int],
                  searches: Sequence[Search]) -> None:
    """Write a picture with a block for each query and a row for each model.

    Args:
        path (str | Path): The file to write, \\*.png.
        dataset (Dataset): The data set with the images.
        test_set (ReIDTestSet): Query and gallery of the data set.
        queries (Sequence[int]): Numbers of the n queries.
        searches (Sequence[Search]): The results of the models, with n rankings
            each.
    """
    picture = _Picture(dataset, test_set, queries, searches)
    with atomic_write(path) as temporary:
        picture.draw().save(temporary, format='PNG')


class _Picture:

    def __init__(self, dataset, test_set, queries, searches) -> None:
        self.dataset, self.test_set = dataset, test_set
        self.queries = queries
        self.searches = [replace(s, name=drawable(s.name)) for s in searches]
        folder = Path(matplotlib.get_data_path(), 'fonts/ttf')
        self.font = ImageFont.truetype(str(folder / 'DejaVuSans.ttf'), 11)
        self.bold = ImageFont.truetype(
            str(folder / 'DejaVuSans-Bold.ttf'), 13)
        self.columns = max(captions.MIN_COLUMNS, *(
            len(ranking.entries) for search in searches
            for ranking in search.rankings))
        # Width of the column with names and metrics of the models.
        said = [(self.bold, search.name) for search in self.searches]
        said += [(self.font, line) for search in searches
                 for ranking in search.rankings
                 for line in captions.row_lines(search, ranking)]
        self.names = 16 + max(
            round(font.getlength(line)) for font, line in said)

    def draw(self) -> Image.Image:
        facts = [
            captions.counts(self.test_set, self.queries),
            captions.distance_of(self.searches)
        ]
        title = _wrap(
            captions.headline(self.searches).split('; '), '; ', self.bold,
            self._width() - 2 * MARGIN)
        top = MARGIN + TITLE * len(title) + LINE * (len(facts) + 3) + 8
        height = top + len(self.queries) * (TITLE + MARGIN) + sum(
            self._row_height(ranking) for search in self.searches
            for ranking in search.rankings)
        self.image = Image.new('RGB', (self._width(), height), PAPER)
        self.pen = ImageDraw.Draw(self.image)
        y = MARGIN
        for line in title:
            self.pen.text((MARGIN, y), line, BLACK, self.bold)
            y += TITLE
        for line in facts:
            self.pen.text((MARGIN, y), line, GRAY, self.font)
            y += LINE
        for color, text in captions.LEGEND:
            self.pen.rectangle((MARGIN, y + 2, MARGIN + 10, y + 12), color)
            self.pen.text((MARGIN + 16, y), text, GRAY, self.font)
            y += LINE
        y = top
        for n, query in enumerate(self.queries):
            y = self._draw_query(y, n, query)
        return self.image

    def _width(self) -> int:
        return 2 * MARGIN + CELL + self.names + self.columns * CELL

    def _row_height(self, ranking) -> int:
        height = BAR + HEIGHT + FRAME + LINE * LINES_OF_A_CAPTION + 10
        return height + (HEIGHT // 2 + 14 if len(ranking.dropped) else 0)

    def _draw_query(self, y: int, n: int, query: int) -> int:
        self.pen.line((MARGIN, y, self._width() - MARGIN, y), '#cccccc')
        self.pen.text((MARGIN, y + 4),
                      drawable(captions.query_title(self.test_set, query)),
                      BLACK, self.bold)
        y += TITLE
        self._paste((MARGIN + FRAME, y + BAR), self.test_set.query[query])
        self.pen.text((MARGIN + FRAME, y + 2), 'query', GRAY, self.font)
        for search in self.searches:
            ranking = search.rankings[n]
            self._draw_ranking(y, search, ranking)
            y += self._row_height(ranking)
        return y + MARGIN

    def _draw_ranking(self, y: int, search: Search, ranking) -> None:
        left = MARGIN + CELL
        self.pen.text((left, y + BAR), search.name, BLACK, self.bold)
        self._lines((left, y + BAR + TITLE),
                    captions.row_lines(search, ranking))
        left += self.names
        for rank, (entry, distance, right) in enumerate(
                zip(ranking.entries, ranking.distances, ranking.matches), 1):
            x = left + (rank - 1) * CELL
            self._frame((x, y), rank, right)
            self._paste((x + FRAME, y + BAR), self.test_set.gallery[entry])
            self._lines((x + FRAME, y + BAR + HEIGHT + FRAME + 2),
                        captions.caption(self.test_set, entry, distance), GRAY)
        y += BAR + HEIGHT + FRAME + LINE * LINES_OF_A_CAPTION + 8
        shown = captions.shown_of_dropped(ranking)
        if len(shown):
            self._lines((left - self.names, y),
                        captions.dropped_lines(ranking), GRAY)
        for i, (entry, distance) in enumerate(
                zip(shown, ranking.dropped_distances)):
            x = left + i * CELL
            self._paste((x + FRAME, y), self.test_set.gallery[entry], 2)
            self._lines((x + FRAME + WIDTH // 2 + 4, y),
                        captions.dropped_caption(distance), captions.DROPPED)

    def _frame(self, place: Tuple[int, int], rank: int, right: bool) -> None:
        """Draw a bar with the rank, and the frame around an image."""
        x, y = place
        width, height = WIDTH + 2 * FRAME, BAR + HEIGHT + FRAME
        self.pen.rectangle((x, y, x + width - 1, y + height - 1),
                           captions.RIGHT if right else captions.WRONG)
        mark = captions.RIGHT_MARK if right else captions.WRONG_MARK
        self.pen.text((x + FRAME, y + 2), f'{mark}  {rank}', PAPER, self.font)
        if right:
            return
        for gap in range(BAR + DASH, height, DASH + GAP):
            self.pen.rectangle((x, y + gap, x + width - 1, y + gap + GAP - 1),
                               PAPER)
        for gap in range(DASH, width, DASH + GAP):
            self.pen.rectangle((x + gap, y + BAR + HEIGHT, x + gap + GAP - 1,
                                y + height - 1), PAPER)

    def _paste(self, place: Tuple[int, int], idx: int, part: int = 1) -> None:
        """Draw an image, centered. If it is drawn smaller, it is dimmed."""
        image = load_thumbnail(self.dataset, idx,
                               (WIDTH // part, HEIGHT // part))
        box = Image.new('RGB', (WIDTH // part, HEIGHT // part), '#eeeeee')
        box.paste(image, ((box.width - image.width) // 2,
                          (box.height - image.height) // 2))
        if part > 1:
            box = Image.blend(box, Image.new('RGB', box.size, PAPER), 0.5)
        self.image.paste(box, place)

    def _lines(self, place: Tuple[int, int], lines: Sequence[str],
               color: str = BLACK) -> None:
        x, y = place
        for line in lines:
            self.pen.text((x, y), line, color, self.font)
            y += LINE


def load_thumbnail(dataset: Dataset, idx: int,
                   size: Tuple[int, int]) -> Image.Image:
    """Load the image of a sample, scaled to fit into (width, height), RGB."""
    image = Image.fromarray(np.asarray(load_image(dataset, idx))).convert(
        'RGB')
    scale = min(size[0] / image.width, size[1] / image.height)
    return image.resize((max(1, round(scale * image.width)),
                         max(1, round(scale * image.height))), Image.BICUBIC)


def _wrap(parts: Sequence[str], between: str, font, width: int) -> List[str]:
    """Join parts to lines of at most ``width``, unless a part is wider."""
    lines = ['']
    for i, part in enumerate(parts):
        part += between.rstrip() if i < len(parts) - 1 else ''
        longer = f'{lines[-1]} {part}'.lstrip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines
