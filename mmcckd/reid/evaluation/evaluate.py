"""The metrics of person re-identification."""
import logging
from typing import Dict, Sequence

import numpy as np
from mmengine.logging import print_log

from .distances import DISTANCES, Distances
from .re_ranking import ReRankedDistances
from .samples import Array, blocks, read_splits

# Of distances that are held at a time.
BLOCK_BYTES = 128 * 2**20
# Numbers are sorted where there are so many times more comparisons left to do,
# of a number with a limit. See docs/benchmarks.md.
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
    """Rank the gallery for each query, and say how early the matches come.

    For a query, gallery entries of the same person **and** the same camera
    are dropped. Its matches are the R others of the same person; a query that
    has none is left out of all means. With the matches in order of their
    distances d_1 ≤ … ≤ d_R, and the entries of other persons at distances
    e_1, e_2, …, match j has the rank ::

        r_j = j + #{i: e_i ≤ d_j}

    and the metrics are the means over the queries of ::

        mAP     1/R Σ_j j / r_j         (not interpolated)
        mINP    R / r_R
        rank-k  1 if r_1 ≤ k, else 0    (the CMC curve at k)

    **Ties.** A match comes after all others at the same distance. Each metric
    is thus the least of those over all orders of the tied entries: a model
    gains nothing by not telling people apart.

    **The order of the arguments** does not change a bit of the result:
    samples are sorted first, and equal features of the gallery get equal
    distances.

    Features are compared in float32, or in float64 if a split has that; means
    are taken in float64. It needs memory for a copy of the features, for 128
    MiB of distances, and if it re-ranks for another copy and 2 KiB a sample.

    Args:
        query_features (np.ndarray | Tensor): (Q, d), floating. Tensors may be
            on any device; all is computed on the CPU.
        gallery_features (np.ndarray | Tensor): (G, d), floating.
        query_ids (Sequence[int]): The person of each query, (Q, ).
        gallery_ids (Sequence[int]): The person of each gallery entry, (G, ).
            Those who are no query's are distractors. What a data set calls
            junk must have been removed.
        query_cameras (Sequence[int]): (Q, ).
        gallery_cameras (Sequence[int]): (G, ).
        distance (str): "cosine", 1 − cos, or "euclidean", squared. Defaults
            to "cosine".
        ranks (Sequence[int]): The k of rank-k. One that the gallery has not
            entries enough for counts a match anywhere. Defaults to 1, 5, 10.
        rerank (bool): Whether to use the distances of k-reciprocal re-ranking
            instead (:class:`ReRankedDistances`). Defaults to False.

    Returns:
        dict[str, float]: ``mAP``, ``mINP`` and ``rank-k`` for each k, in
        [0, 1].

    Raises:
        TypeError: If features are not floating, or ids, cameras or ranks not
            integers.
        ValueError: If a split is empty, the widths of the features differ, or
            the lengths of features, ids and cameras, a feature is NaN or
            infinite, there is no such distance, a rank is below 1, or no query
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
            f'None of {len(query)} queries has a match, an entry of the '
            'gallery of the same person and another camera; check the ids and '
            'cameras of both.')
    if len(match_ranks) < len(query):
        print_log(
            f'{len(query) - len(match_ranks)} of {len(query)} queries have no '
            'match from another camera, and are left out.',
            logger='current')
    if len(gallery) < max(ranks, default=0):
        print_log(
            f'The gallery has {len(gallery)} entries: rank-{max(ranks)} '
            'counts a match anywhere.',
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
    """Raise unless these are options of :func:`evaluate_reid`."""
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
            own = row[begin:end]  # of the same person
            matches = np.sort(own[gallery.cameras[begin:end] != camera])
            if len(matches):
                own[:] = np.inf
                ranks.append(
                    np.arange(1, len(matches) + 1) +
                    _count_up_to(row, matches))
    return ranks


def _count_up_to(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """#{i: values_i ≤ limit} for each of ascending limits.

    Compares all with one limit after another, the last first, until those up
    to it are so few that to sort them is quicker.
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
