"""Rank lists of queries as an HTML page, with all images in one file."""
import base64
import io
from pathlib import Path
from typing import Dict, Iterator, Sequence, Union

from torch.utils.data import Dataset

from mmcckd.files.atomic import atomic_write
from mmcckd.files.pages import render_page
from mmcckd.reid.evaluation import Ranking

from . import captions
from .rank_list_picture import load_thumbnail
from .reid_model import Search
from .test_set import ReIDTestSet

# In pixels, twice what the page shows, for screens of high resolution.
SIZE = (160, 320)
TEMPLATE = Path(__file__).with_name('rank_list_page.html.jinja')


def write_page(path: Union[str, Path], dataset: Dataset,
               test_set: ReIDTestSet, queries: Sequence[int],
               searches: Sequence[Search]) -> None:
    """Write a section for each query, with one row per model.

    Args:
        path (str | Path): The file to write, \\*.html.
        dataset (Dataset): The data set with the images.
        test_set (ReIDTestSet): The test set of the data set.
        queries (Sequence[int]): The queries that were searched for, n.
        searches (Sequence[Search]): The results of each model, with n
            rankings each.
    """
    entries = _Entries(dataset, test_set)
    page = render_page(
        TEMPLATE,
        captions=captions,
        headline=captions.headline(searches),
        counts=captions.counts(test_set, queries),
        distance=captions.distance_of(searches),
        searches=searches,
        queries=(dict(
            title=captions.query_title(test_set, query),
            image=entries.image(test_set.query[query], 'the query'),
            rows=(entries.row(search, search.rankings[n])
                  for search in searches))
                 for n, query in enumerate(queries)))
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding='utf-8')


class _Entries:
    """The data of the gallery entries for the template."""

    def __init__(self, dataset: Dataset, test_set: ReIDTestSet) -> None:
        self.dataset, self.test_set = dataset, test_set

    def row(self, search: Search, ranking: Ranking) -> Dict:
        return dict(
            name=search.name,
            lines=captions.row_lines(search, ranking),
            entries=self._found(ranking),
            dropped=list(self._dropped(ranking)),
            dropped_lines=captions.dropped_lines(ranking))

    def _found(self, ranking: Ranking) -> Iterator[Dict]:
        for rank, (entry, distance, right) in enumerate(
                zip(ranking.entries, ranking.distances, ranking.matches), 1):
            kind = 'right' if right else 'wrong'
            lines = captions.caption(self.test_set, entry, distance)
            yield dict(
                kind=kind,
                rank=rank,
                mark=captions.RIGHT_MARK if right else captions.WRONG_MARK,
                lines=lines,
                image=self.image(self.test_set.gallery[entry],
                                 f'rank {rank}, {kind}: {", ".join(lines)}'))

    def _dropped(self, ranking: Ranking) -> Iterator[Dict]:
        for entry, distance in zip(
                captions.shown_of_dropped(ranking), ranking.dropped_distances):
            caption = ', '.join(
                captions.caption(self.test_set, entry, distance))
            yield dict(
                lines=captions.dropped_caption(distance),
                image=self.image(self.test_set.gallery[entry],
                                 f'dropped, same camera: {caption}'))

    def image(self, idx: int, alt: str) -> Dict[str, str]:
        content = io.BytesIO()
        load_thumbnail(self.dataset, idx, SIZE).save(
            content, format='JPEG', quality=85)
        return dict(
            alt=f'{alt} ({self.test_set.paths[idx]})',
            data=base64.b64encode(content.getvalue()).decode())
