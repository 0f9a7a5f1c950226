"""The gallery in its order for a few queries, to look at."""
from dataclasses import dataclass
from typing import List, Optional, Sequence

import numpy as np

from .distances import Distances
from .evaluate import BLOCK_BYTES, check_options
from .samples import Array, blocks, read_splits


@dataclass
class Ranking:
    """How the gallery is ranked for one query.

    Attributes:
        entries (np.ndarray): The nearest gallery entries that count, nearest
            first, (n, ), int64.
        distances (np.ndarray): Of these, (n, ), float32 or float64.
        matches (np.ndarray): Whether they are the same person, (n, ), bool.
        dropped (np.ndarray): All gallery entries of the same person and the
            same camera, nearest first, (m, ), int64.
        dropped_distances (np.ndarray): Of these, (m, ).
        num_matches (int): R, the matches in the whole gallery.
        average_precision (float, optional): In [0, 1]. None for a query that
            has no match, which no metric counts.
    """
    entries: np.ndarray
    distances: np.ndarray
    matches: np.ndarray
    dropped: np.ndarray
    dropped_distances: np.ndarray
    num_matches: int
    average_precision: Optional[float]


def rank_gallery(query_features: Array,
                 gallery_features: Array,
                 query_ids: Sequence[int],
                 gallery_ids: Sequence[int],
                 query_cameras: Sequence[int],
                 gallery_cameras: Sequence[int],
                 queries: Sequence[int],
                 distance: str = 'cosine',
                 topk: int = 10) -> List[Ranking]:
    """Rank the gallery for some queries as :func:`evaluate_reid` does.

    Its rules hold to the last bit: distances are computed in the same blocks,
    and a match comes after all others at the same distance. Entries that this
    leaves equal come by person, feature and camera, so the order of the
    gallery makes no difference.

    Args:
        query_features, gallery_features, query_ids, gallery_ids,
            query_cameras, gallery_cameras: As :func:`evaluate_reid`; all
            queries, not only those to rank for.
        queries (Sequence[int]): Which of the queries to rank for.
        distance (str): "cosine", 1 − cos, or "euclidean", squared. Defaults
            to "cosine".
        topk (int): How many entries to give. Defaults to 10.

    Returns:
        List[Ranking]: One for each of ``queries``, in their order.

    Raises:
        IndexError: If there is no such query.
        TypeError, ValueError: As :func:`evaluate_reid` says.
    """
    check_options(distance, (topk, ), False)
    query, gallery = read_splits(query_features, gallery_features, query_ids,
                                 gallery_ids, query_cameras, gallery_cameras,
                                 distance)
    for q in queries:
        if not 0 <= q < len(query):
            raise IndexError(f'There is no query {q}: they are numbered from '
                             f'0 to {len(query) - 1}.')
    wanted = set(queries)
    distances = Distances(query, gallery, distance)
    dtype = gallery.features.dtype
    size = max(1, BLOCK_BYTES // (dtype.itemsize * len(gallery)))
    rankings = {}
    for block in blocks(len(query), size):
        places = [
            place for place in range(block.start, block.stop)
            if query.places[place] in wanted
        ]
        if not places:
            continue
        rows = np.empty((block.stop - block.start, len(gallery)), dtype)
        distances(block, out=rows)
        for place in places:
            rankings[query.places[place]] = _rank(
                rows[place - block.start], distances.row_terms[place],
                gallery.ids == query.ids[place],
                gallery.cameras == query.cameras[place], gallery.places, topk)
    return [rankings[q] for q in queries]


def _rank(row: np.ndarray, row_term: float, same_person: np.ndarray,
          same_camera: np.ndarray, names: np.ndarray, topk: int) -> Ranking:
    """The ranking of a query by its distances, without the row's term."""
    order = np.lexsort((same_person, row))
    is_dropped = (same_person & same_camera)[order]
    dropped, counted = order[is_dropped], order[~is_dropped]
    matches = same_person[counted]
    ranks = 1 + np.flatnonzero(matches)
    nearest = counted[:topk]
    return Ranking(
        entries=names[nearest],
        distances=row[nearest] + row_term,
        matches=matches[:topk],
        dropped=names[dropped],
        dropped_distances=row[dropped] + row_term,
        num_matches=len(ranks),
        average_precision=float(
            (np.arange(1, len(ranks) + 1) / ranks).mean())
        if len(ranks) else None)
