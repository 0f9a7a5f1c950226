"""Distances from queries to a gallery, for one block of queries at a time."""
import numpy as np

from .samples import Samples, rank_rows

DISTANCES = ('cosine', 'euclidean')


class Distances:
    """Distances from rows to columns, computed in blocks of rows.

    ``cosine`` is 1 − cos(f, g) of features that were normalized by
    :meth:`Samples.normalize`, and 1 if a feature is zero. ``euclidean`` is
    ‖f − g‖².

    The last bits of an entry of a matrix product depend on its position in the
    matrix. Equal columns therefore get the distance of the first of them, so
    that their distances are exactly equal.

    Args:
        rows (Samples): N samples.
        columns (Samples): M samples.
        distance (str): "cosine" or "euclidean".
    """

    def __init__(self, rows: Samples, columns: Samples,
                 distance: str) -> None:
        self.rows = rows
        self.columns = columns
        # d = a_i + s f_i·g_j + b_j
        if distance == 'cosine':
            self.scale = -1
            self.row_terms = np.ones_like(rows.squares)
            self.column_terms = None
        else:
            self.scale = -2
            self.row_terms = rows.squares
            self.column_terms = columns.squares
        ranks = rank_rows(columns.features)
        _, first = np.unique(ranks, return_index=True)
        first = first[ranks - 1]
        self._copies = np.flatnonzero(first != np.arange(len(first)))
        self._originals = first[self._copies]

    def __call__(self, block: slice, out: np.ndarray) -> None:
        """Write the distances of a block of rows into ``out``, (n, M).

        ``row_terms``, which only depend on the row, are not added, since they
        do not change the order within a row.
        """
        np.matmul(
            self.scale * self.rows.features[block],
            self.columns.features.T,
            out=out)
        if self.column_terms is not None:
            out += self.column_terms
        if len(self._copies):
            out[:, self._copies] = out[:, self._originals]
