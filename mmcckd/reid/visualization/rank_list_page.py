"""Rank lists of queries as an HTML page that contains its images."""
import base64
import io
from html import escape
from pathlib import Path
from typing import List, Sequence, Union

from torch.utils.data import Dataset

from mmcckd.reid.evaluation import Ranking
from mmcckd.superclasses.superclass_file import whole_file

from . import captions as say
from .rank_list_picture import load_thumbnail
from .reid_model import Search
from .test_set import ReIDTestSet

# Size of the images in pixels: twice that on the page, for high-DPI screens.
SIZE = (160, 320)

STYLE = f'''
body {{ font: 16px/1.4 sans-serif; max-width: 90rem; margin: 2rem auto;
       padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; }}
h2 {{ font-size: 1rem; margin: 0; overflow-wrap: anywhere; }}
section {{ border-top: 1px solid #ccc; padding: 1rem 0; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ text-align: left; padding: .1rem 1.5rem .1rem 0;
         border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }}
td {{ overflow-wrap: anywhere; }}
ul {{ list-style: none; padding: 0; }}
figure {{ margin: 0; font-size: .75rem; line-height: 1.3; }}
figure b {{ display: block; color: white; padding: 0 .3rem; }}
img {{ display: block; width: 80px; height: 160px; object-fit: contain;
      background: #eee; }}
.query, .row, .dropped {{ display: flex; flex-wrap: wrap; gap: .75rem;
                         margin-top: .5rem; }}
.row > p, .dropped > p {{ width: 8rem; margin: 0; font-size: .85rem;
                         overflow-wrap: anywhere; }}
.query > div {{ flex: 1; }}
.right img, .wrong img {{ border: 4px solid; border-top: 0; }}
.right b {{ background: {say.RIGHT}; }}
.right img {{ border-color: {say.RIGHT}; }}
.wrong b {{ background: {say.WRONG}; }}
.wrong img {{ border-color: {say.WRONG}; border-style: dashed; }}
.dropped, .same-camera {{ color: {say.DROPPED}; }}
.dropped img {{ width: 40px; height: 80px; opacity: .5; }}
.dropped figure {{ width: 88px; display: flex; gap: .25rem; }}
'''


def write_page(path: Union[str, Path], dataset: Dataset,
               test_set: ReIDTestSet, queries: Sequence[int],
               searches: Sequence[Search]) -> None:
    """Write a page with a section for each query and a row for each model.

    Args:
        path (str | Path): The file to write, \\*.html.
        dataset (Dataset): The data set with the images.
        test_set (ReIDTestSet): Query and gallery of the data set.
        queries (Sequence[int]): Numbers of the n queries.
        searches (Sequence[Search]): The results of the models, with n rankings
            each.
    """
    page = _Page(dataset, test_set, searches)
    with whole_file(path) as file:
        file.write(page.write(queries).encode())


class _Page:

    def __init__(self, dataset, test_set, searches) -> None:
        self.dataset, self.test_set = dataset, test_set
        self.searches = searches

    def write(self, queries: Sequence[int]) -> str:
        headline = escape(say.headline(self.searches))
        legend = ''.join(f'<li><span style="color: {colour}">■</span> '
                         f'{escape(text)}' for colour, text in say.LEGEND)
        models = ''.join(
            f'<tr><td>{escape(s.name)}'
            f'<td>{100 * s.metrics["mAP"]:.2f} %'
            f'<td>{100 * s.metrics["rank-1"]:.2f} %'
            f'<td>{escape(s.config)}<td>{escape(s.checkpoint)}'
            for s in self.searches)
        sections = '\n'.join(
            self._section(n, query) for n, query in enumerate(queries))
        return f'''<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{headline}</title>
<style>{STYLE}</style>
<h1>{headline}</h1>
<p>{escape(say.counts(self.test_set, queries))}
{escape(say.distance_of(self.searches))}.</p>
<table><tr><th>model<th>mAP<th>rank-1<th>config<th>checkpoint{models}</table>
<ul>{legend}</ul>
{sections}
</html>
'''

    def _section(self, n: int, query: int) -> str:
        rows = '\n'.join(
            self._row(search, search.rankings[n]) for search in self.searches)
        return f'''<section>
<h2>{escape(say.query_title(self.test_set, query))}</h2>
<div class="query">
<figure>{self._image(self.test_set.query[query], 'the query')}query</figure>
<div>
{rows}
</div>
</div>
</section>'''

    def _row(self, search: Search, ranking: Ranking) -> str:
        figures = ''
        for rank, (entry, distance, right) in enumerate(
                zip(ranking.entries, ranking.distances, ranking.matches), 1):
            kind = 'right' if right else 'wrong'
            mark = say.RIGHT_MARK if right else say.WRONG_MARK
            lines = say.caption(self.test_set, entry, distance)
            image = self._image(self.test_set.gallery[entry],
                                f'rank {rank}, {kind}: {", ".join(lines)}')
            figures += (f'\n<figure class="{kind}"><b>{mark} {rank}</b>'
                        f'{image}{_lines(lines)}</figure>')
        said = _lines(say.row_lines(search, ranking))
        row = (f'<div class="row"><p><b>{escape(search.name)}</b><br>{said}'
               f'</p>{figures}</div>')
        if not len(ranking.dropped):
            return row
        figures = ''
        for entry, distance in zip(
                say.shown_of_dropped(ranking), ranking.dropped_distances):
            lines = say.dropped_caption(distance)
            caption = ', '.join(say.caption(self.test_set, entry, distance))
            image = self._image(self.test_set.gallery[entry],
                                f'dropped, same camera: {caption}')
            figures += (f'\n<figure class="same-camera">{image}'
                        f'<span>{_lines(lines)}</span></figure>')
        said = _lines(say.dropped_lines(ranking))
        return f'{row}\n<div class="dropped"><p>{said}</p>{figures}</div>'

    def _image(self, idx: int, alt: str) -> str:
        content = io.BytesIO()
        load_thumbnail(self.dataset, idx, SIZE).save(
            content, format='JPEG', quality=85)
        data = base64.b64encode(content.getvalue()).decode()
        alt = escape(f'{alt} ({self.test_set.paths[idx]})')
        return f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">'


def _lines(lines: List[str]) -> str:
    return '<br>'.join(map(escape, lines))
