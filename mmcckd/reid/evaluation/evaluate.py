"""The metrics of person re-identification."""
import logging
from typing import Dict, Sequence

import numpy as np
from mmengine.logging import print_log

from .distances import DISTANCES, Distances
from .re_ranking import ReRankedDistances
from .samples import Array, blocks, read_splits

# Size of the distances in memory at a time.
BLOCK_BYTES = 128 * 2**20
# Values are sorted if this takes less time than the remaining comparisons.
# This is the cost of sorting a value, in comparisons. See docs/benchmarks.md.
SORT_COST = 1200


def evaluate_reid(query_features: Array,
                  gallery_features: Array,
                  query_ids: Sequence[int],
                  gallery_ids: Sequence[int],
                  query_cameras: Sequence[int],
                  gallery_cameras: Sequence[int],
                  distance: str = 'cosine',
                  ranks: Sequence[int] = (1, 5, 10),
                  rerank: bool = False) -> Dict[str, float]:
    """Rank the gallery for each query, and compute mAP, mINP and CMC.

    Gallery entries of the same person **and** the same camera as the query
    are dropped. The matches of a query are the R other entries of the same
    person. A query without a match is left out of all means. With the
    distances of the matches d_1 ≤ … ≤ d_R, and the distances of the entries of
    other persons e_1, e_2, …, the rank of match j is ::

        r_j = j + #{i: e_i ≤ d_j}

    and the metrics are the means over the queries of ::

        mAP     1/R Σ_j j / r_j         (not interpolated)
        mINP    R / r_R
        rank-k  1 if r_1 ≤ k, else 0    (the CMC curve at k)

    **Ties.** A match is ranked after all other entries at the same distance.
    Each metric is thus its minimum over all orders of the tied entries, and a
    model gets no credit for equal features of different persons.

    **The order of the arguments** does not change the result by a single bit:
    samples are sorted first, and equal features of the gallery get equal
    distances.

    Distances are computed in float32, or in float64 if the features of query
    or gallery are float64. Means are computed in float64. The required memory
    is that of a copy of the features and 128 MiB of distances, and with
    re-ranking another copy and 2 KiB per sample.

    Args:
        query_features (np.ndarray | Tensor): Features of the queries, (Q, d),
            floating point. Tensors may be on any device; all computations run
            on the CPU.
        gallery_features (np.ndarray | Tensor): Features of the gallery,
            (G, d), floating point.
        query_ids (Sequence[int]): The person of each query, (Q, ).
        gallery_ids (Sequence[int]): The person of each gallery entry, (G, ).
            Persons without a query are distractors. Entries that a data set
            marks as junk must be removed before.
        query_cameras (Sequence[int]): The camera of each query, (Q, ).
        gallery_cameras (Sequence[int]): The camera of each gallery entry,
            (G, ).
        distance (str): "cosine" (1 − cos) or "euclidean" (squared). Defaults
            to "cosine".
        ranks (Sequence[int]): The k of rank-k. If k is larger than the
            gallery, a match at any rank counts. Defaults to 1, 5, 10.
        rerank (bool): Whether to use the distances of k-reciprocal re-ranking
            instead (:class:`ReRankedDistances`). Defaults to False.

    Returns:
        dict[str, float]: ``mAP``, ``mINP`` and ``rank-k`` for each k, in
        [0, 1].

    Raises:
        TypeError: If features are not floating point, or ids, cameras or ranks
            are not integers.
        ValueError: If a split is empty, the widths of the features differ, the
            lengths of features, ids and cameras differ, a feature is NaN or
            infinite, the distance is unknown, a rank is below 1, or no query
            has a match.
    """
    check_options(distance, ranks, rerank)
    query, gallery = read_splits(query_features, gallery_features, query_ids,
                                 gallery_ids, query_cameras, gallery_cameras,
                                 distance)
    kind = ReRankedDistances if rerank else Distances
    match_ranks = _rank_matches(query, gallery,
                                kind(query, gallery, distance))

    if not match_ranks:
        raise ValueError(
            f'None of {len(query)} queries has a match, that is, a gallery '
            'entry of the same person and another camera. Check the ids and '
            'cameras of query and gallery.')
    if len(match_ranks) < len(query):
        print_log(
            f'{len(query) - len(match_ranks)} of {len(query)} queries are '
            'left out, since they have no match from another camera.',
            logger='current')
    if len(gallery) < max(ranks, default=0):
        print_log(
            f'The gallery has only {len(gallery)} entries, so '
            f'rank-{max(ranks)} counts a match at any rank.',
            logger='current',
            level=logging.WARNING)
    metrics = dict(
        mAP=np.mean([(np.arange(1, len(r) + 1) / r).mean()
                     for r in match_ranks]),
        mINP=np.mean([len(r) / r[-1] for r in match_ranks]))
    for k in ranks:
        metrics[f'rank-{k}'] = np.mean([r[0] <= k for r in match_ranks])
    return {name: float(value) for name, value in metrics.items()}


def check_options(distance: str, ranks: Sequence[int], rerank: bool) -> None:
    """Check the options of :func:`evaluate_reid`."""
    if distance not in DISTANCES:
        raise ValueError(f'distance must be one of {", ".join(DISTANCES)}, '
                         f'but is {distance!r}.')
    if not isinstance(ranks, (tuple, list)) or any(
            isinstance(k, bool) or not isinstance(k, (int, np.integer))
            for k in ranks):
        raise TypeError(f'ranks must be a list of ints, but is {ranks!r}.')
    if min(ranks, default=1) < 1:
        raise ValueError(f'ranks must be at least 1, but are {ranks!r}.')
    if not isinstance(rerank, bool):
        raise TypeError(f'rerank must be True or False, but is {rerank!r}.')


def _rank_matches(query, gallery, distances) -> list:
    """The ranks r_1 … r_R, (R, ), for each query that has a match."""
    begins = np.searchsorted(gallery.ids, query.ids, side='left')
    ends = np.searchsorted(gallery.ids, query.ids, side='right')
    dtype = gallery.features.dtype
    size = max(1, BLOCK_BYTES // (dtype.itemsize * len(gallery)))
    buffer = np.empty((min(size, len(query)), len(gallery)), dtype)
    ranks = []
    for block in blocks(len(query), size):
        rows = buffer[:block.stop - block.start]
        distances(block, out=rows)
        for row, begin, end, camera in zip(
                rows, begins[block], ends[block], query.cameras[block]):
            own = row[begin:end]  # entries of the same person
            matches = np.sort(own[gallery.cameras[begin:end] != camera])
            if len(matches):
                own[:] = np.inf
                ranks.append(
                    np.arange(1, len(matches) + 1) +
                    _count_up_to(row, matches))
    return ranks


def _count_up_to(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """#{i: values_i ≤ limit} for each limit, with limits in ascending order.

    All values are compared with one limit after another, from the largest on,
    until so few values are below the limit that sorting them is faster.
    """
    counts = np.empty(len(limits), dtype=np.int64)
    for j in reversed(range(len(limits))):
        near = values <= limits[j]
        counts[j] = np.count_nonzero(near)
        if SORT_COST * counts[j] <= j * len(values):
            near = np.sort(values[np.flatnonzero(near)])
            counts[:j] = np.searchsorted(near, limits[:j], side='right')
            break
    return counts
