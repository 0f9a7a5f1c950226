from typing import List

import numpy as np
import torch

from .record_layout import RecordLayout
from .top_k import keep_top_k, spread_rest


class RowFormat:
    """The leaves of one sample as the bytes of one row.

    Args:
        layout (RecordLayout): The leaves.
        dtype (str): "float16" or "float32".

    Attributes:
        dtype (np.dtype): Of a row, with a field for each leaf: ``leaf0``,
            ``leaf1``, …; with ``top_k``, the fields are ``values``,
            ``classes`` and ``rest``.
    """

    def __init__(self, layout: RecordLayout, dtype: str) -> None:
        self.layout = layout
        number = np.dtype(dtype).newbyteorder('<').str
        if layout.top_k is None:
            fields = [(f'leaf{i}', number, shape)
                      for i, shape in enumerate(layout.shapes)]
        else:
            k, (num_classes, ) = layout.top_k, layout.shapes[0]
            index = '<u2' if num_classes <= 2**16 else '<u4'
            fields = [('values', number, (k, )), ('classes', index, (k, )),
                      ('rest', number, (1, ))]
        self.dtype = np.dtype(fields)

    def encode(self, leaves: List[np.ndarray]) -> np.ndarray:
        """Convert leaves to rows.

        Args:
            leaves (List[np.ndarray]): The leaves of n samples, each of shape
                (n, \\*leaf shape).

        Returns:
            np.ndarray: (n, ), of :attr:`dtype`.

        Raises:
            ValueError: If a leaf has another shape than in the layout.
        """
        shapes = [leaf.shape[1:] for leaf in leaves]
        if shapes != self.layout.shapes:
            raise ValueError(
                f'leaves of the shapes {shapes}, but the store has '
                f'{self.layout.shapes}; all images must have one size')
        if self.layout.top_k is not None:
            leaves = keep_top_k(leaves[0], self.layout.top_k)
        rows = np.empty(len(leaves[0]), self.dtype)
        for name, leaf in zip(self.dtype.names, leaves):
            rows[name] = _convert(leaf, rows.dtype[name].base)
        return rows

    def decode(self, rows: np.ndarray) -> List[np.ndarray]:
        """Convert rows to leaves.

        Args:
            rows (np.ndarray): (n, ), of :attr:`dtype`.

        Returns:
            List[np.ndarray]: The leaves, float32, (n, \\*leaf shape).
        """
        if self.layout.top_k is not None:
            return [
                spread_rest(rows['values'], rows['classes'], rows['rest'],
                            self.layout.shapes[0][0])
            ]
        return [
            _convert(rows[name], np.dtype(np.float32))
            for name in self.dtype.names
        ]


def _convert(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """As ``array.astype(dtype)``, but fast between float16 and float32.

    NumPy converts these one by one, torch with vector instructions: 20 times
    as fast.
    """
    if {array.dtype, dtype} == {np.dtype('<f2'), np.dtype('<f4')}:
        array = torch.from_numpy(array).to(
            torch.float16 if dtype.itemsize == 2 else torch.float32).numpy()
    return np.ascontiguousarray(array, dtype)
