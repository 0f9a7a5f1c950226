"""Distances of queries to a gallery, one block of queries at a time."""
import numpy as np

from .samples import Samples, rank_rows

DISTANCES = ('cosine', 'euclidean')


class Distances:
    """Distances of rows to columns, by blocks of rows.

    ``cosine`` is 1 − cos(f, g), 1 where one of them is zero, of features that
    :meth:`Samples.normalise` has normalised; ``euclidean`` is ‖f − g‖².

    The last bits of an entry of a matrix product depend on where it stands in
    the matrix. Equal columns therefore get the distance of the first of them,
    and are equally far indeed.

    Args:
        rows (Samples): N.
        columns (Samples): M.
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

        They lack the term that only depends on the row, ``row_terms``, for it
        does not change the order within a row.
        """
        np.matmul(
            self.scale * self.rows.features[block],
            self.columns.features.T,
            out=out)
        if self.column_terms is not None:
            out += self.column_terms
        if len(self._copies):
            out[:, self._copies] = out[:, self._originals]
