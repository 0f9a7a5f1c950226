"""A picture of superclasses, and a page around it that needs no network."""
import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from matplotlib.figure import Figure
from torch.utils.data import Dataset

from mmcckd.datasets.sample_image import load_image
from mmcckd.files.atomic import atomic_write
from mmcckd.files.pages import render_page

from .cluster_quality import contingency, entropies
from .superclass_file import Superclasses

TEMPLATE = Path(__file__).with_name('superclass_page.html.jinja')
IMAGES_PER_ROW = 12
ROWS_OF_A_KIND = 3
# The map shows the first so many: more than the width of a page.
MAX_MAP = 2000


@dataclass
class Look:
    """What there is to see.

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


def write_pictures(look: Look, stem: str) -> List[str]:
    """Write ``{stem}.png`` and ``{stem}.html``; returns their names.

    They show the sizes, the class × superclass map, and samples of the
    largest, the smallest and the most mixed superclasses. Without classes, the
    map and the most mixed are left out.
    """
    figure = _draw(look)
    picture = io.BytesIO()
    figure.savefig(picture, format='png', dpi=110)
    names = [f'{stem}.png', f'{stem}.html']
    contents = [picture.getvalue(), _page(look, picture.getvalue()).encode()]
    for name, content in zip(names, contents):
        with atomic_write(name) as temporary:
            temporary.write_bytes(content)
    return names


def _draw(look: Look):
    rows = _sheet_rows(look)
    with_map = look.classes is not None
    figure = Figure(
        figsize=(12, 4.2 + 0.95 * len(rows)), layout='constrained')
    top, bottom = figure.subfigures(
        2, 1, height_ratios=(4.2, 0.95 * len(rows)))
    axes = top.subplots(1, 1 + with_map, squeeze=False)[0]
    _draw_sizes(axes[0], look.superclasses.sizes)
    if with_map:
        _draw_map(axes[1], look)

    cells = bottom.subplots(len(rows), IMAGES_PER_ROW, squeeze=False)
    for (title, samples), line in zip(rows, cells):
        for ax in line:
            ax.axis('off')
        for ax, idx in zip(line, samples):
            ax.imshow(load_image(look.dataset, idx), cmap='gray')
            if look.classes is not None:
                ax.set_title(
                    _class_name(look, look.classes[idx]), fontsize=7, pad=2)
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


def _draw_map(ax, look: Look) -> None:
    table = contingency(look.classes, look.superclasses.labels)
    order = np.lexsort((-table.max(axis=1).toarray().ravel(),
                        np.asarray(table.argmax(axis=1)).ravel()))
    sizes = np.maximum(np.asarray(table.sum(axis=1)), 1)
    rows = order[:MAX_MAP]
    share = table[rows, :MAX_MAP].toarray() / sizes[rows]
    image = ax.imshow(
        share.T, aspect='auto', cmap='cividis', vmin=0, vmax=1,
        interpolation='nearest')
    ax.figure.colorbar(image, ax=ax, label='share of the superclass')
    ax.set_xlabel('superclasses, by their most frequent class')
    ax.set_ylabel('class')
    if share.shape[1] <= 20:
        ax.set_yticks(
            range(share.shape[1]),
            [_class_name(look, c) for c in range(share.shape[1])])
    if share.shape[0] <= 20:
        ax.set_xticks(range(share.shape[0]), order[:MAX_MAP])
    ax.set_title('Classes in superclasses')


def _sheet_rows(look: Look) -> List[Tuple[str, np.ndarray]]:
    """Titles and samples of the rows of the contact sheet."""
    labels, sizes = look.superclasses.labels, look.superclasses.sizes
    by_size = np.argsort(-sizes, kind='stable')
    kinds = [('largest', by_size), ('smallest', by_size[::-1])]
    if look.classes is not None:
        mixed = entropies(contingency(look.classes, labels))
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


def _class_name(look: Look, index: int) -> str:
    if look.class_names is None or index >= len(look.class_names):
        return str(index)
    return str(look.class_names[index])[:14]


def _page(look: Look, picture: bytes) -> str:
    superclasses = look.superclasses
    facts = {
        'samples': f'{len(superclasses.labels):,}',
        'superclasses': f'{len(superclasses.centroids):,}',
        **{
            name: f'{value:.4g}'
            for name, value in look.figures.items()
        },
        'inertia': f'{superclasses.meta["inertia"]:.6g}',
        **{
            name: superclasses.meta[name]
            for name in ('algorithm', 'seed', 'module', 'teacher_sha256')
        }
    }
    return render_page(
        TEMPLATE,
        facts=facts,
        picture=base64.b64encode(picture).decode(),
        sizes=superclasses.sizes.tolist(),
        classes=None if look.classes is None else _frequent_classes(look))


def _frequent_classes(look: Look) -> List[str]:
    """The most frequent classes of each superclass, with their shares."""
    table = contingency(look.classes, look.superclasses.labels)
    texts = []
    for superclass, size in enumerate(look.superclasses.sizes):
        row = table[superclass]
        best = np.argsort(-row.data, kind='stable')[:3]
        texts.append(', '.join(
            f'{_class_name(look, row.indices[i])} {row.data[i] / size:.0%}'
            for i in best))
    return texts
