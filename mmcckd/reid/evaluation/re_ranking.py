"""k-reciprocal re-ranking with sparse N × N matrices."""
from typing import Tuple

import numpy as np
from scipy.sparse import csr_matrix

from .distances import Distances
from .samples import Samples, blocks

# Size of the distances, or features, in memory at a time.
BLOCK_BYTES = 128 * 2**20


class ReRankedDistances:
    r"""Distances from queries to a gallery after k-reciprocal re-ranking.

    Zhong et al., *Re-ranking Person Re-identification with k-reciprocal
    Encoding*, CVPR 2017. Let N be the number of samples in query and gallery
    together, d the given distance divided by the maximum of its row, and
    N(i, k) the k + 1 nearest samples of sample i, including i. Then ::

        R(i, k)  = {j ∈ N(i, k): i ∈ N(j, k)}
        R*(i)    = R(i, k1) ∪ those R(j, k1/2) with j ∈ R(i, k1) and
                   |R(j, k1/2) ∩ R(i, k1)| > 2/3 |R(j, k1/2)|
        v_ij     = exp(−d_ij) if j ∈ R*(i), else 0;  rows scaled to the sum 1
        V_i      = the mean of v_j over the k2 nearest j of i, i included
        J_ij     = 1 − Σ_l min(V_il, V_jl) / Σ_l max(V_il, V_jl)
        d*_ij    = λ d_ij + (1 − λ) J_ij

    These are the formulas of the authors' code, which uses the squared
    Euclidean distance as the given distance. For normalized features, this is
    twice the cosine distance, and gives the same d*. Neighbors at equal
    distances are taken in the order of the samples.

    Args:
        query (Samples): Q samples.
        gallery (Samples): G samples.
        distance (str): "cosine" or "euclidean".
        k1 (int): Defaults to 20, as in the paper.
        k2 (int): Defaults to 6, as in the paper.
        original_weight (float): λ. Defaults to 0.3, as in the paper.
    """

    def __init__(self,
                 query: Samples,
                 gallery: Samples,
                 distance: str,
                 k1: int = 20,
                 k2: int = 6,
                 original_weight: float = 0.3) -> None:
        self.original_weight = original_weight
        samples = query + gallery
        distances = Distances(samples, samples, distance)
        nearest, furthest = find_nearest(distances, max(k1 + 1, k2))
        encodings = _weigh(
            _expand(nearest[:, :k1 + 1], nearest[:, :round(k1 / 2) + 1]),
            distances, furthest)
        neighbors = _matrix(nearest[:, :k2], encodings.dtype)
        encodings = neighbors @ encodings / min(k2, len(samples))
        self._query = encodings[:len(query)]
        self._gallery = encodings[len(query):].tocsc()
        self._furthest = furthest[:len(query)]
        del samples, distances
        self._distances = Distances(query, gallery, distance)

    def __call__(self, block: slice, out: np.ndarray) -> None:
        """Write d* of a block of queries into ``out``, (n, G), without a term
        that only depends on the query."""
        self._distances(block, out)
        out *= (self.original_weight / self._furthest[block])[:, None]
        for i, row in zip(range(block.start, block.stop), out):
            # Σ max = 2 − Σ min, since each encoding has the sum 1
            near, minimum = self._sum_minima(i)
            row[near] -= (1 - self.original_weight) * minimum / (2 - minimum)

    def _sum_minima(self, i: int) -> Tuple[np.ndarray, np.ndarray]:
        """Indices j with Σ_l min(V_il, V_jl) > 0, and the values of this sum.
        """
        own = slice(*self._query.indptr[i:i + 2])
        columns, values = self._query.indices[own], self._query.data[own]
        begins = self._gallery.indptr[columns]
        lengths = self._gallery.indptr[columns + 1] - begins
        # The entries of these columns, one after another.
        entries = np.arange(lengths.sum()) + np.repeat(
            begins - (np.cumsum(lengths) - lengths), lengths)
        sums = np.bincount(
            self._gallery.indices[entries],
            np.minimum(self._gallery.data[entries],
                       np.repeat(values, lengths)),
            minlength=self._gallery.shape[0])
        near = np.flatnonzero(sums)
        return near, sums[near]


def find_nearest(distances: Distances,
                 k: int) -> Tuple[np.ndarray, np.ndarray]:
    """Find the k nearest columns and the largest distance of each row.

    Returns:
        tuple[np.ndarray, np.ndarray]: Indices of the nearest columns, nearest
        first, (N, min(k, M)), int32; and the largest distance of each row,
        (N, ), or 1 if all distances of the row are 0.
    """
    num_rows, num_columns = len(distances.rows), len(distances.columns)
    k = min(k, num_columns)
    dtype = distances.rows.features.dtype
    size = max(1, BLOCK_BYTES // (dtype.itemsize * num_columns))
    buffer = np.empty((min(size, num_rows), num_columns), dtype)
    nearest = np.empty((num_rows, k), np.int32)
    furthest = np.empty(num_rows, dtype)
    for block in blocks(num_rows, size):
        rows = buffer[:block.stop - block.start]
        distances(block, out=rows)
        furthest[block] = rows.max(1)
        for i, row in enumerate(rows, block.start):
            nearest[i] = _smallest(row, k)
    furthest += distances.row_terms
    furthest[furthest <= 0] = 1
    return nearest, furthest


def _smallest(values: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k smallest values, in ascending order of (value, index).

    The values are split into groups. The k-th smallest of the minima of the
    groups is an upper bound of the k-th smallest value. Using this bound is
    several times faster than partitioning all values.
    """
    group = max(1, len(values) // 2048)
    num_groups = len(values) // group
    if num_groups >= k:
        minima = values[:group * num_groups].reshape(group, -1).min(0)
        bound = np.partition(minima, k - 1)[k - 1]
        near = np.flatnonzero(values <= bound)
    else:
        near = np.arange(len(values))
    return near[np.argsort(values[near], kind='stable')[:k]]


def _matrix(nearest: np.ndarray, dtype: np.dtype) -> csr_matrix:
    """Matrix (N, N) with 1 where j is one of the nearest samples of i."""
    num_rows, k = nearest.shape
    return csr_matrix(
        (np.ones(nearest.size, dtype), nearest.ravel(),
         np.arange(0, nearest.size + 1, k)),
        shape=(num_rows, num_rows))


def _expand(nearest: np.ndarray, nearest_half: np.ndarray) -> csr_matrix:
    """Matrix (N, N) with nonzero entries where j ∈ R*(i)."""
    near = _matrix(nearest, np.int32)
    reciprocal = near.multiply(near.T).tocsr()
    near = _matrix(nearest_half, np.int32)
    reciprocal_half = near.multiply(near.T).tocsr()
    sizes = np.diff(reciprocal_half.indptr)
    # |R(j, k1/2) ∩ R(i, k1)| for each j ∈ R(i, k1)
    common = (reciprocal @ reciprocal_half.T).multiply(reciprocal).tocsr()
    common.data = (3 * common.data > 2 * sizes[common.indices]).astype(
        np.int32)
    return reciprocal + common @ reciprocal_half


def _weigh(pattern: csr_matrix, distances: Distances,
           furthest: np.ndarray) -> csr_matrix:
    """exp(−d) where the pattern is nonzero, with rows scaled to the sum 1."""
    pattern.eliminate_zeros()
    pattern.sort_indices()
    features = distances.rows.features
    weights = np.empty(len(pattern.indices), features.dtype)
    rows = np.repeat(np.arange(len(features)), np.diff(pattern.indptr))
    size = max(1, BLOCK_BYTES // (2 * features[0].nbytes))
    for block in blocks(len(weights), size):
        i, j = rows[block], pattern.indices[block]
        d = distances.row_terms[i] + distances.scale * np.einsum(
            'nd,nd->n', features[i], features[j])
        if distances.column_terms is not None:
            d += distances.column_terms[j]
        weights[block] = np.exp(-d / furthest[i])
    sums = np.bincount(rows, weights, len(features))
    weights /= sums[rows]
    return csr_matrix((weights, pattern.indices, pattern.indptr),
                      pattern.shape)
