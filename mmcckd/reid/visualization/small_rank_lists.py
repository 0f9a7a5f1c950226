"""Rank lists of small images, such as letters, in one figure."""
from pathlib import Path
from typing import Sequence, Union

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch.utils.data import Dataset

from mmcckd.datasets.sample_image import load_image
from mmcckd.files.atomic import atomic_write

from .captions import RIGHT, RIGHT_MARK, WRONG, WRONG_MARK
from .reid_model import Search
from .test_set import ReIDTestSet

GAP = 0.12  # between images, whose width is 1
NAMES = 2.6  # width of the column with the names of the models


def write_small_rank_lists(path: Union[str, Path], dataset: Dataset,
                           test_set: ReIDTestSet, queries: Sequence[int],
                           searches: Sequence[Search]) -> None:
    """Draw the nearest gallery entries of some queries, a row for each model.

    Args:
        path (str | Path): The file to write, \\*.png.
        dataset (Dataset): The data set with the images, which are square.
        test_set (ReIDTestSet): Query and gallery of the data set.
        queries (Sequence[int]): Numbers of the n queries.
        searches (Sequence[Search]): The results of the models, with n rankings
            each.
    """
    columns = max(len(r.entries) for s in searches for r in s.rankings)
    width = 1.5 + NAMES + columns * (1 + GAP)
    block = len(searches) * (1 + GAP) + 0.4
    height = block * len(queries) + 0.9
    figure = Figure((width * 0.55, height * 0.55))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis('off')

    def paste(index: int, x: float, y: float) -> None:
        axes.imshow(
            load_image(dataset, index), cmap='gray_r', vmin=0, vmax=255,
            extent=(x, x + 1, y + 1, y))

    axes.text(
        0.2, 0.5, f'Queries, and the {columns} nearest drawings of the '
        f'gallery.  {RIGHT_MARK} the same class   {WRONG_MARK} another class '
        '(dashed)', va='center', fontsize=10)
    for n, query in enumerate(queries):
        top = 0.9 + n * block
        paste(test_set.query[query], 0.2, top)
        axes.text(0.7, top + 1.3, 'query', ha='center', fontsize=8)
        for m, search in enumerate(searches):
            y = top + m * (1 + GAP)
            axes.text(1.5, y + 0.5, search.name, va='center', fontsize=9)
            ranking = search.rankings[n]
            for i, (entry, right) in enumerate(
                    zip(ranking.entries, ranking.matches)):
                x = 1.5 + NAMES + i * (1 + GAP)
                paste(test_set.gallery[entry], x, y)
                color = RIGHT if right else WRONG
                axes.add_patch(
                    Rectangle((x, y), 1, 1, fill=False, edgecolor=color,
                              linestyle='-' if right else '--', linewidth=1.6))
                axes.text(
                    x + 0.97, y + 0.03, RIGHT_MARK if right else WRONG_MARK,
                    color=color, ha='right', va='top', fontsize=8)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect='equal')
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110, format='png')
