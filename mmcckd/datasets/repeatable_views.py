"""Samples whose augmentation is determined by (seed, index, view)."""
import hashlib
import operator
import random
import struct
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Optional

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch.utils.data import Dataset


class RepeatableViews:
    """Load samples of a data set in one of several repeatable views.

    A view of a sample is one random augmentation of it. In epoch e, view
    ``e % views`` of every sample is loaded, so with as many views as epochs,
    none is repeated. A view depends only on the seed, the index of the sample
    and the number of the view: not on the batch, the order, the worker, the
    rank, or what was loaded before.

    For each sample, the global random generators of Python, NumPy and PyTorch
    (CPU) are seeded; after the batch, or an error, they continue as if nothing
    had been loaded. Any pipeline that uses only these generators is
    repeatable. PyTorch uses a single thread meanwhile, since the last bits of
    its sums depend on the number of threads.

    PyTorch's data loader calls the ``__getitems__`` of a data set to get a
    batch, so an instance is used like this::

        dataset.__getitems__ = RepeatableViews(dataset, views=10, seed=0)

    The ``data_samples`` of each sample get ``dataset_index`` and ``view`` as
    metainfo. The index is that of the given data set, so each repetition in a
    ``RepeatDataset`` has views of its own.

    Args:
        dataset (Dataset): The data set with its wrappers.
        views (int): The number of views of each sample, at least 1.
        seed (int): Seed of the views. Defaults to 0.

    Attributes:
        epoch (torch.Tensor): The epoch, int64, in memory that is shared with
            the workers of the data loader.
        read_ahead (Callable, optional): Called with the number of the view
            and the indices of a batch before it is loaded.

    Raises:
        TypeError: If ``views`` or ``seed`` is not an int.
        ValueError: If ``views`` < 1, or an index is not in the data set.
    """

    def __init__(self, dataset: Dataset, views: int, seed: int = 0) -> None:
        for name, value, least in (('views', views, 1), ('seed', seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f'{name} must be an int, but is {value!r}.')
            if value < least:
                raise ValueError(
                    f'{name} must be at least {least}, but is {value}.')
        self.dataset = dataset
        self.views = views
        self.seed = seed
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self.read_ahead: Optional[Callable[[int, List[int]], None]] = None

    def __call__(self, indices: List[int]) -> List[Any]:
        """Load the current view of some samples.

        Args:
            indices (List[int]): Indices of the samples in the data set.

        Returns:
            List[Any]: What the data set returns for each of them.
        """
        view = int(self.epoch) % self.views
        indices = self.check_indices(indices)
        if self.read_ahead is not None:
            self.read_ahead(view, indices)
        return self.load(indices, view)

    def load(self, indices: List[int], view: int) -> List[Any]:
        """Load one view of some samples, whatever the epoch.

        Args:
            indices (List[int]): Indices of the samples in the data set.
            view (int): The number of the view.

        Returns:
            List[Any]: What the data set returns for each of them.
        """
        with preserved_generators():
            return [
                self._load(index, view)
                for index in self.check_indices(indices)
            ]

    def check_indices(self, indices: List[int]) -> List[int]:
        """Return the indices as ints, or raise if one is not in the data set.
        """
        indices = [operator.index(index) for index in indices]
        size = len(self.dataset)
        for index in indices:
            if not 0 <= index < size:
                raise ValueError(
                    f'The sampler yields the index {index}, but the '
                    f'{type(self.dataset).__name__} has {size:,} samples, so '
                    f'indices are 0 to {size - 1}. Use a sampler of this data '
                    'set.')
        return indices

    def _load(self, index: int, view: int) -> Any:
        seed_generators(self.seed, index, view)
        # Not that of the instance, which may be this object.
        get_items = getattr(type(self.dataset), '__getitems__', None)
        if get_items is None:
            sample = self.dataset[index]
        else:
            sample, = get_items(self.dataset, [index])
        if isinstance(sample, dict) and isinstance(
                sample.get('data_samples'), BaseDataElement):
            marked = sample['data_samples']
            marked.set_field(index, 'dataset_index', field_type='metainfo')
            marked.set_field(view, 'view', field_type='metainfo')
        return sample


@contextmanager
def preserved_generators() -> Iterator[None]:
    """Restore the global random generators at the end, also after an error.

    Within the context, PyTorch uses a single thread.
    """
    python, numpy = random.getstate(), np.random.get_state()
    pytorch = torch.random.default_generator.get_state()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        random.setstate(python)
        np.random.set_state(numpy)
        torch.random.default_generator.set_state(pytorch)


def seed_generators(seed: int, index: int, view: int) -> None:
    """Seed the global random generators, except those of GPUs.

    A hash takes a tenth of the time of NumPy's ``SeedSequence``.
    """
    digest = hashlib.blake2b(
        b'%d %d %d' % (seed, index, view), digest_size=20).digest()
    python, numpy, pytorch = struct.unpack('<QIQ', digest)
    random.seed(python)
    np.random.seed(numpy)
    # Unlike torch.manual_seed, not those of GPUs, which takes long.
    torch.random.default_generator.manual_seed(pytorch)
