"""The samples of data sets inside wrappers."""
from typing import Callable, Iterator, List, NamedTuple, Optional

import numpy as np
import torch.utils.data
from mmengine.dataset import (
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
)
from mmpretrain.datasets import KFoldDataset
from mmrazor.datasets import CRDDataset
from torch.utils.data import Dataset, Subset


def _in_order(dataset: Dataset) -> np.ndarray:
    return np.arange(len(dataset))


# For each wrapper, the index within the wrapped data sets, one after another,
# of each of its samples.
WRAPPERS = {
    ClassBalancedDataset: lambda wrapper: wrapper.repeat_indices,
    ConcatDataset: _in_order,
    CRDDataset: _in_order,
    # What it wraps after its initialization has the samples of the fold only.
    KFoldDataset: _in_order,
    RepeatDataset: lambda wrapper: _in_order(wrapper) % len(wrapper.dataset),
    Subset: lambda wrapper: wrapper.indices,
    torch.utils.data.ConcatDataset: _in_order,
}
# The methods of a wrapper that decide which samples it returns.
CHOOSE = ('__len__', '__getitem__', '__getitems__', '_get_ori_dataset_idx',
          'prepare_data')


class Wrapped(NamedTuple):
    """The samples of a wrapper.

    Attributes:
        datasets (List[Dataset]): The data sets that it wraps.
        indices (np.ndarray): (N, ), int64. Sample i of the wrapper is sample
            ``indices[i]`` of the wrapped data sets, one after another.
    """
    datasets: List[Dataset]
    indices: np.ndarray


def unwrap(dataset: Dataset) -> Optional[Wrapped]:
    """Find out which samples of which data sets a wrapper returns.

    Args:
        dataset (Dataset): A data set, which may be a wrapper.

    Returns:
        Wrapped, optional: None if the data set is not one of ``WRAPPERS``, or
        is of a subclass that may return other samples.
    """
    for wrapper, indices_of in WRAPPERS.items():
        if isinstance(dataset, wrapper) and all(
                _is_from(wrapper, dataset, name) for name in CHOOSE):
            if hasattr(dataset, 'full_init'):
                dataset.full_init()
            return Wrapped(
                _inside(dataset), np.asarray(indices_of(dataset), np.int64))
    return None


def gather(dataset: Dataset,
           values_of: Callable[[Dataset, str], np.ndarray]) -> np.ndarray:
    """Get a value for each sample of a data set, through its wrappers.

    Args:
        dataset (Dataset): A data set, or nested wrappers of data sets.
        values_of (Callable): Called with each data set inside that is not a
            known wrapper, and the names of this and the wrappers around it,
            such as "RepeatDataset > Digits". Returns an array with a value
            for each sample of this data set.

    Returns:
        np.ndarray: The value for each sample of ``dataset``, in its order.
    """
    return _gather(dataset, values_of, type(dataset).__name__)


def _gather(dataset: Dataset, values_of: Callable, chain: str) -> np.ndarray:
    wrapped = unwrap(dataset)
    if wrapped is None:
        return values_of(dataset, chain)
    values = [
        _gather(part, values_of, f'{chain} > {type(part).__name__}')
        for part in wrapped.datasets
    ]
    return np.concatenate(values)[wrapped.indices]


def get_data_info(dataset: Dataset, idx: int) -> dict:
    """Get the annotation of a sample, through wrappers.

    Args:
        dataset (Dataset): A data set with ``get_data_info(idx)``, or nested
            wrappers. PyTorch's wrappers do not have this method.
        idx (int): The index of the sample.

    Returns:
        dict: The annotation.
    """
    wrapped = unwrap(dataset)
    if wrapped is None:
        return dataset.get_data_info(int(idx))
    idx = wrapped.indices[idx]
    for part in wrapped.datasets:
        if idx < len(part):
            return get_data_info(part, idx)
        idx -= len(part)
    raise IndexError(f'The {type(dataset).__name__} has no sample {idx}.')


def defines(dataset: Dataset, name: str) -> bool:
    """Whether a data set has a method that describes its own samples.

    Methods that a wrapper takes over from the wrapped data set by
    ``__getattr__``, or from one of ``WRAPPERS`` of which it overrides others,
    may describe other samples.
    """
    if name in getattr(dataset, '__dict__', ()):
        return True
    return hasattr(type(dataset), name) and not any(
        isinstance(dataset, wrapper) and _is_from(wrapper, dataset, name)
        for wrapper in WRAPPERS)


def advice_on_wrappers(dataset: Dataset, method: str) -> str:
    """What to do if an unknown wrapper lacks a method; empty for others.

    Args:
        dataset (Dataset): A data set for which :func:`unwrap` returns None.
        method (str): The method, such as "get_gt_labels()".

    Returns:
        str: Sentences for an error, with a space before.
    """
    if not is_wrapper(dataset):
        return ''
    name = type(dataset).__name__
    *names, last = sorted({wrapper.__name__ for wrapper in WRAPPERS},
                          key=str.lower)
    return (f' {name} wraps another data set, but which samples it returns is '
            f'only known for {", ".join(names)} and {last}, and their '
            'subclasses that do not change this. Use one of these, or define '
            f'{method} in {name}.')


def base_datasets(dataset: Dataset) -> List[Dataset]:
    """Return the data sets inside a wrapper.

    Args:
        dataset (Dataset): A data set, or any wrapper, which may be nested.

    Returns:
        List[Dataset]: The innermost data sets, or the data set itself if it
        is not a wrapper.
    """
    return [base for base in all_datasets(dataset) if not is_wrapper(base)]


def base_configs(dataset: dict) -> List[dict]:
    """Return the configs of the data sets inside the config of a wrapper, or
    the config itself if it is not of a wrapper."""
    inner = dataset.get('datasets', [dataset['dataset']]
                        if 'dataset' in dataset else [])
    if not inner:
        return [dataset]
    return [base for part in inner for base in base_configs(part)]


def all_datasets(dataset: Dataset) -> Iterator[Dataset]:
    """Yield a data set and all data sets inside it, also inside wrappers that
    are not known."""
    yield dataset
    for part in _inside(dataset):
        yield from all_datasets(part)


def is_wrapper(dataset: Dataset) -> bool:
    """Whether a data set wraps others."""
    return bool(_inside(dataset))


def _inside(dataset: Dataset) -> List[Dataset]:
    if getattr(dataset, 'datasets', None) is not None:
        return list(dataset.datasets)
    inner = getattr(dataset, 'dataset', None)
    return [] if inner is None else [inner]


def _is_from(wrapper: type, dataset: Dataset, name: str) -> bool:
    """Whether a method of a data set is that of the wrapper."""
    return getattr(type(dataset), name, None) is getattr(wrapper, name, None)
