"""Rankings of the gallery for selected queries, for pictures."""
from dataclasses import dataclass
from typing import List, Optional, Sequence

import numpy as np

from .distances import Distances
from .evaluate import BLOCK_BYTES, check_options
from .samples import Array, blocks, read_splits


@dataclass
class Ranking:
    """The ranking of the gallery for one query.

    Attributes:
        entries (np.ndarray): Indices of the nearest gallery entries, nearest
            first, without dropped ones, (n, ), int64.
        distances (np.ndarray): Their distances, (n, ), float32 or float64.
        matches (np.ndarray): Whether they are of the same person, (n, ), bool.
        dropped (np.ndarray): Indices of all gallery entries of the same person
            and the same camera, nearest first, (m, ), int64.
        dropped_distances (np.ndarray): Their distances, (m, ).
        num_matches (int): R, the number of matches in the gallery.
        average_precision (float, optional): Average precision of the query, in
            [0, 1]. None for a query without a match, which is left out of all
            metrics.
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
    """Rank the gallery for some queries, exactly as :func:`evaluate_reid`.

    Distances are computed in the same blocks, and are thus equal to the last
    bit. A match is ranked after all other entries at the same distance. Other
    ties are sorted by person, feature and camera, so the order of the gallery
    does not matter.

    Args:
        query_features, gallery_features, query_ids, gallery_ids,
            query_cameras, gallery_cameras: See :func:`evaluate_reid`. All
            queries are needed, not only the selected ones.
        queries (Sequence[int]): Indices of the queries to rank the gallery
            for.
        distance (str): "cosine" (1 − cos) or "euclidean" (squared). Defaults
            to "cosine".
        topk (int): Number of entries to return. Defaults to 10.

    Returns:
        List[Ranking]: One for each of ``queries``, in their order.

    Raises:
        IndexError: If a query does not exist.
        TypeError, ValueError: See :func:`evaluate_reid`.
    """
    check_options(distance, (topk, ), False)
    query, gallery = read_splits(query_features, gallery_features, query_ids,
                                 gallery_ids, query_cameras, gallery_cameras,
                                 distance)
    for q in queries:
        if not 0 <= q < len(query):
            raise IndexError(f'There is no query {q}: the queries have the '
                             f'numbers from 0 to {len(query) - 1}.')
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
    """The ranking for a query, from its distances without ``row_term``."""
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
