"""A picture of superclasses: their sizes, classes and images."""
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from matplotlib.figure import Figure
from torch.utils.data import Dataset

from mmcckd.datasets.sample_image import load_image
from mmcckd.datasets.superclass_file import Superclasses
from mmcckd.visualization.drawable_text import drawable

from .cluster_quality import contingency, entropies

IMAGES_PER_ROW = 12
ROWS_OF_A_KIND = 3
# Maximum number of superclasses in the map, limited by the width of a page.
MAX_MAP = 2000
# With more classes or superclasses, an entry of the map is a dot: a cell would
# be smaller than a pixel.
MAX_CELLS = 150


@dataclass
class Overview:
    """What the picture and the page of superclasses show.

    Attributes:
        superclasses (Superclasses): Of the dataset.
        figures (Dict[str, float]): Of :func:`.cluster_quality.describe`.
        dataset (Dataset): Gives the images.
        classes (np.ndarray, optional): True classes, (N, ).
        class_names (Sequence[str], optional): Their names.
    """
    superclasses: Superclasses
    figures: Dict[str, float]
    dataset: Dataset
    classes: Optional[np.ndarray] = None
    class_names: Optional[Sequence[str]] = None


def draw_superclasses(overview: Overview) -> Figure:
    """Draw the sizes, the class × superclass map, and a sheet of samples."""
    rows = _sheet_rows(overview)
    with_map = overview.classes is not None
    figure = Figure(
        figsize=(12, 4.2 + 0.95 * len(rows)), layout='constrained')
    top, bottom = figure.subfigures(
        2, 1, height_ratios=(4.2, 0.95 * len(rows)))
    axes = top.subplots(1, 1 + with_map, squeeze=False)[0]
    _draw_sizes(axes[0], overview.superclasses.sizes)
    if with_map:
        _draw_map(axes[1], overview)

    cells = bottom.subplots(len(rows), IMAGES_PER_ROW, squeeze=False)
    for (title, samples), line in zip(rows, cells):
        for ax in line:
            ax.axis('off')
        for ax, idx in zip(line, samples):
            ax.imshow(load_image(overview.dataset, idx), cmap='gray')
            if overview.classes is not None:
                ax.set_title(
                    drawable(class_name(overview, overview.classes[idx])),
                    parse_math=False,
                    fontsize=7,
                    pad=2)
        line[0].text(
            -0.15,
            0.5,
            title,
            transform=line[0].transAxes,
            ha='right',
            va='center',
            fontsize=9)
    return figure


def _draw_sizes(ax, sizes: np.ndarray) -> None:
    ax.fill_between(
        np.arange(len(sizes) + 1),
        np.append(np.sort(sizes)[::-1], 0),
        step='post',
        color='#3b6ea5')
    ax.axhline(
        np.median(sizes), color='black', linewidth=1, linestyle='--')
    ax.text(
        len(sizes),
        np.median(sizes),
        f'median {np.median(sizes):g} ',
        ha='right',
        va='bottom')
    ax.set_xlim(0, len(sizes))
    ax.set_ylim(0)
    ax.set_xlabel('superclasses, by size')
    ax.set_ylabel('samples')
    ax.set_title('Sizes')


def _draw_map(ax, overview: Overview) -> None:
    table = contingency(overview.classes, overview.superclasses.labels)
    order = np.lexsort((-table.max(axis=1).toarray().ravel(),
                        np.asarray(table.argmax(axis=1)).ravel()))
    sizes = np.maximum(np.asarray(table.sum(axis=1)), 1)
    rows = order[:MAX_MAP]
    share = table[rows, :MAX_MAP].toarray() / sizes[rows]
    if max(share.shape) <= MAX_CELLS:
        image = ax.imshow(
            share.T, aspect='auto', cmap='cividis', vmin=0, vmax=1,
            interpolation='nearest')
    else:
        x, y = np.nonzero(share)
        order_of_drawing = np.argsort(share[x, y])  # large shares on top
        x, y = x[order_of_drawing], y[order_of_drawing]
        image = ax.scatter(
            x, y, s=4, c=share[x, y], cmap='cividis', vmin=0, linewidths=0)
        ax.set(xlim=(-0.5, share.shape[0] - 0.5),
               ylim=(share.shape[1] - 0.5, -0.5))
    ax.figure.colorbar(image, ax=ax, label='share of the superclass')
    ax.set_xlabel('superclasses, by their most frequent class')
    ax.set_ylabel('class')
    if share.shape[1] <= 20:
        ax.set_yticks(
            range(share.shape[1]),
            [drawable(class_name(overview, c))
             for c in range(share.shape[1])],
            parse_math=False)
    if share.shape[0] <= 20:
        ax.set_xticks(range(share.shape[0]), order[:MAX_MAP])
    ax.set_title('Classes in superclasses')


def _sheet_rows(overview: Overview) -> List[Tuple[str, np.ndarray]]:
    """Titles and samples of the rows of the sheet."""
    labels, sizes = overview.superclasses.labels, overview.superclasses.sizes
    by_size = np.argsort(-sizes, kind='stable')
    kinds = [('largest', by_size), ('smallest', by_size[::-1])]
    if overview.classes is not None:
        mixed = entropies(contingency(overview.classes, labels))
        order = np.argsort(-mixed, kind='stable')
        kinds.append(('most mixed', order[mixed[order] > 0]))
    rng = np.random.default_rng(0)
    rows = []
    for kind, order in kinds:
        for superclass in order[:ROWS_OF_A_KIND]:
            members = np.flatnonzero(labels == superclass)
            samples = rng.choice(
                members, min(IMAGES_PER_ROW, len(members)), replace=False)
            rows.append((f'{kind}\nno. {superclass}\n{sizes[superclass]} '
                         'samples', np.sort(samples)))
    return rows


def class_name(overview: Overview, index: int) -> str:
    """The name of a class in at most 14 characters, or its number."""
    if overview.class_names is None or index >= len(overview.class_names):
        return str(index)
    return str(overview.class_names[index])[:14]
