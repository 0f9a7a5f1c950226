"""Texts of the picture and the page."""
import os.path as osp
from typing import List, Sequence

import numpy as np

from mmcckd.reid.evaluation import Ranking

from .reid_model import Search
from .test_set import ReIDTestSet

MIN_COLUMNS = 5  # even if fewer entries are shown
RIGHT, WRONG, DROPPED = '#1a7f37', '#c62828', '#777777'
RIGHT_MARK, WRONG_MARK = '✓', '✗'
LEGEND = ((RIGHT, f'{RIGHT_MARK} the person of the query'),
          (WRONG, f'{WRONG_MARK} another person (dashed)'),
          (DROPPED, 'same camera: the person of the query in an image of the '
           'same camera, which the protocol drops, so it has no rank'))
DISTANCES = dict(
    cosine='1 − cosine of the features',
    euclidean='squared Euclidean distance of the features')


def headline(searches: Sequence[Search]) -> str:
    """The metrics of each model on the complete test set."""
    metrics = [
        f'mAP {100 * s.metrics["mAP"]:.2f} %, '
        f'rank-1 {100 * s.metrics["rank-1"]:.2f} %' for s in searches
    ]
    if len(searches) == 1:
        return metrics[0]
    return '; '.join(f'{s.name}: {m}' for s, m in zip(searches, metrics))


def counts(test_set: ReIDTestSet, queries: Sequence[int]) -> str:
    """The numbers of queries, of queries that are shown, and gallery entries.
    """
    return (f'{len(test_set.query):,} queries, {len(queries):,} of them '
            f'below, and a gallery of {len(test_set.gallery):,}.')


def distance_of(searches: Sequence[Search]) -> str:
    """The meaning of the numbers below the images."""
    names = {search.distance: None for search in searches}
    return 'd: ' + ', or '.join(DISTANCES[name] for name in names)


def query_title(test_set: ReIDTestSet, query: int) -> str:
    """The person, camera and file name of a query."""
    i = test_set.query[query]
    return (f'Person {test_set.ids[i]}, camera {test_set.cameras[i]}: '
            f'{osp.basename(test_set.paths[i])}')


def row_lines(search: Search, ranking: Ranking) -> List[str]:
    """The metrics of a model for the query, and for all queries."""
    if ranking.average_precision is None:
        lines = ['no match from', 'another camera,', 'not evaluated']
    else:
        matches = 'match' if ranking.num_matches == 1 else 'matches'
        lines = [f'AP {100 * ranking.average_precision:.1f} %',
                 f'{ranking.num_matches} {matches}']
    return [
        *lines, '', 'all queries:',
        f'mAP {100 * search.metrics["mAP"]:.2f} %',
        f'rank-1 {100 * search.metrics["rank-1"]:.2f} %'
    ]


def shown_of_dropped(ranking: Ranking) -> np.ndarray:
    """The dropped entries that are shown, nearest first."""
    return ranking.dropped[:max(len(ranking.entries), MIN_COLUMNS)]


def dropped_lines(ranking: Ranking) -> List[str]:
    """The number of dropped entries."""
    number, shown = len(ranking.dropped), len(shown_of_dropped(ranking))
    more = [f'{shown} nearest shown'] if shown < number else []
    return [f'dropped: {number}', *more]


def dropped_caption(distance: float) -> List[str]:
    """The reason why an entry was dropped, and its distance."""
    return ['same', 'camera', f'd {number(distance)}']


def caption(test_set: ReIDTestSet, entry: int, distance: float) -> List[str]:
    """Person, camera and distance of an entry of the gallery."""
    i = test_set.gallery[entry]
    return [
        f'person {test_set.ids[i]}', f'camera {test_set.cameras[i]}',
        f'd {number(distance)}'
    ]


def number(distance: float) -> str:
    """Format a distance. Due to rounding, it may be slightly below 0."""
    distance = max(float(distance), 0.)
    return f'{distance:.3f}' if distance < 10 else f'{distance:.1f}'
