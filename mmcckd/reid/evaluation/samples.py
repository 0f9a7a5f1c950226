"""Features with their person and camera, checked and sorted."""
from dataclasses import dataclass
from typing import Iterator, Sequence, Tuple, Union

import numpy as np
import torch
from torch import Tensor

Array = Union[np.ndarray, Tensor]

ROWS = 4096  # number of rows that are read at a time


@dataclass
class Samples:
    """The samples of query or gallery.

    Attributes:
        features (np.ndarray): (N, d), float32 or float64, C-contiguous.
        squares (np.ndarray): ‖f‖² of each feature before normalization, (N, ),
            with the dtype of the features.
        ids (np.ndarray): The person of each sample, (N, ), int64.
        cameras (np.ndarray): The camera of each sample, (N, ), int64.
        places (np.ndarray): The index of each sample in the arguments, (N, ),
            int64.
    """
    features: np.ndarray
    squares: np.ndarray
    ids: np.ndarray
    cameras: np.ndarray
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def read(cls, name: str, features: Array, ids: Sequence[int],
             cameras: Sequence[int], dtype: np.dtype) -> 'Samples':
        """Copy the samples, sorted by person, feature and camera.

        Samples that agree in all three are equal for every metric, so the
        order of the arguments does not matter.

        Args:
            name (str): "query" or "gallery", for messages.
            features (np.ndarray | Tensor): (N, d), floating point.
            ids (Sequence[int]): The person of each sample, (N, ).
            cameras (Sequence[int]): The camera of each sample, (N, ).
            dtype (np.dtype): The dtype of the copy.

        Raises:
            TypeError: If ids or cameras are not integers.
            ValueError: If the lengths differ, or a feature is NaN, infinite,
                or so large that its square is infinite.
        """
        ids = _integers(f'{name}_ids', ids)
        cameras = _integers(f'{name}_cameras', cameras)
        if not len(features) == len(ids) == len(cameras):
            raise ValueError(
                f'{name}_features, {name}_ids and {name}_cameras must have '
                f'the same length, but have {len(features)}, {len(ids)} and '
                f'{len(cameras)} entries.')
        order = np.lexsort((cameras, rank_rows(features), ids))
        copy = np.empty(features.shape, dtype)
        squares = np.empty(len(copy), dtype)
        with np.errstate(over='ignore'):
            for rows in blocks(len(copy), ROWS):
                copy[rows] = features[order[rows]]
                squares[rows] = np.square(
                    copy[rows], dtype=np.float64).sum(1)
        wrong = order[~np.isfinite(squares)]
        if len(wrong):
            raise ValueError(
                f'{len(wrong)} of {len(copy)} {name} features are NaN, '
                f'infinite, or too large for {dtype.name}. The first one is '
                f'that of sample {wrong.min()}. Check the model and its '
                'checkpoint.')
        return cls(copy, squares, ids[order], cameras[order], order)

    def normalize(self) -> None:
        """Divide each feature by its norm, in place, unless it is zero."""
        norms = np.sqrt(self.squares)
        norms[norms == 0] = 1
        self.features /= norms[:, None]

    def __add__(self, other: 'Samples') -> 'Samples':
        """Concatenate two sets of samples."""
        return Samples(*(np.concatenate([mine, theirs]) for mine, theirs in
                         zip(vars(self).values(), vars(other).values())))


def read_splits(query_features: Array, gallery_features: Array,
                query_ids: Sequence[int], gallery_ids: Sequence[int],
                query_cameras: Sequence[int], gallery_cameras: Sequence[int],
                distance: str) -> Tuple[Samples, Samples]:
    """Check and sort query and gallery for a distance.

    Args:
        query_features, gallery_features, query_ids, gallery_ids,
            query_cameras, gallery_cameras, distance: See
            :func:`.evaluate_reid`.

    Returns:
        Tuple[Samples, Samples]: Query and gallery, both float32 or both
        float64, normalized if the distance is "cosine".

    Raises:
        TypeError, ValueError: See :func:`.evaluate_reid`.
    """
    query_features = read_features('query', query_features)
    gallery_features = read_features('gallery', gallery_features)
    if query_features.shape[1] != gallery_features.shape[1]:
        raise ValueError(
            'Features of query and gallery must have the same width, but have '
            f'{query_features.shape[1]} and {gallery_features.shape[1]}. '
            'Compute both with the same model.')
    dtype = np.result_type(query_features, gallery_features, np.float32)
    query = Samples.read('query', query_features, query_ids, query_cameras,
                         dtype)
    gallery = Samples.read('gallery', gallery_features, gallery_ids,
                           gallery_cameras, dtype)
    if distance == 'cosine':
        query.normalize()
        gallery.normalize()
    return query, gallery


def read_features(name: str, features: Array) -> np.ndarray:
    """Convert features to a C-contiguous array, without a copy if possible.

    Raises:
        TypeError: If the features are not floating point.
        ValueError: If their shape is not (N, d) with N and d of at least 1.
    """
    if isinstance(features, Tensor):
        features = features.detach().cpu()
        if features.dtype == torch.bfloat16:  # unknown to numpy
            features = features.float()
        features = features.numpy()
    features = np.asarray(features)
    if features.dtype.name not in ('float16', 'float32', 'float64'):
        raise TypeError(
            f'{name}_features must be float16, float32 or float64, but are '
            f'{features.dtype.name}.')
    if features.ndim != 2 or features.size == 0:
        raise ValueError(
            f'{name}_features must be of shape (N, d) with at least one '
            f'sample and one dimension, but are {features.shape}. Check that '
            f'there are {name} images.')
    return np.ascontiguousarray(features)


def rank_rows(features: np.ndarray) -> np.ndarray:
    """Number the distinct rows of an array in the order of their bytes.

    Args:
        features (np.ndarray): (N, d), C-contiguous.

    Returns:
        np.ndarray: The number of each row, (N, ). Equal rows have equal
        numbers.
    """
    row = np.dtype((np.void, features.shape[1] * features.itemsize))
    order = np.argsort(features.view(row).ravel())
    begins = np.ones(len(order), dtype=bool)
    # Compare complete neighboring rows only if their first values are equal.
    first = features[order, 0]
    alike = 1 + np.flatnonzero(first[1:] == first[:-1])
    for block in blocks(len(alike), ROWS):
        i = alike[block]
        begins[i] = (features[order[i]] != features[order[i - 1]]).any(1)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.cumsum(begins)
    return ranks


def blocks(length: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` entries that cover ``length`` entries."""
    for begin in range(0, length, size):
        yield slice(begin, min(begin + size, length))


def _integers(name: str, values: Sequence[int]) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    values = np.asarray(values)
    if values.dtype.kind not in 'iu' and values.size:
        raise TypeError(f'{name} must be integers, but are '
                        f'{values.dtype.name}.')
    if values.ndim != 1:
        raise ValueError(f'{name} must be of shape (N, ), but is of '
                         f'{values.shape}.')
    return values.astype(np.int64)
