"""An HTML page about superclasses, with its images in one file."""
import base64
import io
from pathlib import Path
from typing import List, Optional

import numpy as np

from mmcckd.files.atomic import atomic_write
from mmcckd.files.pages import render_page

from .cluster_quality import contingency
from .superclass_picture import Overview, class_name, draw_superclasses

TEMPLATE = Path(__file__).with_name('superclass_page.html.jinja')


def write_pictures(overview: Overview, stem: str) -> List[str]:
    """Write ``{stem}.png`` and ``{stem}.html``; returns their names.

    They show the sizes, the class × superclass map, and samples of the
    largest, the smallest and the most mixed superclasses. Without classes, the
    map and the most mixed are left out.
    """
    picture = io.BytesIO()
    draw_superclasses(overview).savefig(picture, format='png', dpi=110)
    page = _page(overview, picture.getvalue())
    names = [f'{stem}.png', f'{stem}.html']
    for name, content in zip(names, (picture.getvalue(), page.encode())):
        with atomic_write(name) as temporary:
            temporary.write_bytes(content)
    return names


def _page(overview: Overview, picture: bytes) -> str:
    superclasses = overview.superclasses
    facts = {
        'samples': f'{len(superclasses.labels):,}',
        'superclasses': f'{len(superclasses.centroids):,}',
        **{
            name: f'{value:.4g}'
            for name, value in overview.figures.items()
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
        classes=_frequent_classes(overview))


def _frequent_classes(overview: Overview) -> Optional[List[str]]:
    """The most frequent classes of each superclass, with their shares."""
    if overview.classes is None:
        return None
    table = contingency(overview.classes, overview.superclasses.labels)
    texts = []
    for superclass, size in enumerate(overview.superclasses.sizes):
        row = table[superclass]
        best = np.argsort(-row.data, kind='stable')[:3]
        texts.append(', '.join(
            f'{class_name(overview, row.indices[i])} {row.data[i] / size:.0%}'
            for i in best))
    return texts
