"""Check that what is loaded is determined by the global random generators."""
import copy
import random
from types import ModuleType
from typing import Any, Callable, Iterator, Optional, Tuple

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from .repeatable_views import (
    RepeatableViews,
    preserved_generators,
    seed_generators,
)
from .wrappers import all_datasets, base_datasets

GENERATORS = (random.Random, np.random.Generator, np.random.RandomState,
              torch.Generator)
# Functions of the modules random, numpy.random and torch use these.
GLOBAL = (random._inst, np.random.mtrand._rand, torch.random.default_generator)
OWN = ('so the views of a sample cannot be repeated. Let it draw from the '
       'global generators of Python, NumPy or torch (random, numpy.random, '
       'torch), or remove it.')


def check_pipeline(views: RepeatableViews) -> None:
    """Raise an error if the views of samples are not repeatable.

    Transforms are searched for random generators of their own, and two samples
    are loaded twice and compared.

    Args:
        views (RepeatableViews): The views of a data set. Its epoch is kept.

    Raises:
        ValueError: If a transform has a generator of its own, or a sample
            differs when it is loaded again. The message names the transform.
    """
    for dataset in all_datasets(views.dataset):
        for transform in _transforms(dataset):
            for name, generator in _own_generators(transform):
                raise ValueError(
                    f'The transform {_name(transform)} has its own random '
                    f'generator, a {type(generator).__name__} in {name}, '
                    f'{OWN}')
    indices = [0, len(views.dataset) - 1]
    if not _same(views(indices), views(indices)):
        raise ValueError(
            f'{_unrepeatable(views.dataset)} returns something else each '
            'time, even if the global random generators have the same state, '
            f'{OWN}')


def check_batches(views: RepeatableViews, collate: Callable,
                  preprocessor: Optional[nn.Module]) -> None:
    """Raise an error if forming or preprocessing a batch draws random numbers.

    The images would then differ from epoch to epoch, whatever their views.

    Args:
        views (RepeatableViews): The views of a data set.
        collate (Callable): The ``collate_fn`` of the data loader.
        preprocessor (nn.Module, optional): The data preprocessor of the model.

    Raises:
        ValueError: If one of the global generators is used.
    """
    samples = views([0, 0])  # of the same size
    with preserved_generators():
        before = _states()
        batch = collate(samples)
        if not _same(before, _states()):
            raise ValueError(
                f'The collate_fn {_name(collate)} draws random numbers, {OWN}')
        if preprocessor is None:
            return
        preprocessor(batch, training=True)
        if not _same(before, _states()):
            raise ValueError(
                f'The data_preprocessor, a {_name(preprocessor)}, draws random'
                f' numbers, {OWN}')


def _states() -> Tuple[Any, ...]:
    gpu = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
    return (random.getstate(), np.random.get_state(),
            torch.random.default_generator.get_state(), gpu)


def _transforms(dataset: Dataset) -> list:
    pipeline = getattr(dataset, 'pipeline', None)
    return list(getattr(pipeline, 'transforms', ()))


def _own_generators(owner: Any, path: str = '', seen: Optional[set] = None
                    ) -> Iterator[Tuple[str, Any]]:
    """Find random generators in attributes and containers."""
    seen = set() if seen is None else seen
    if id(owner) in seen:
        return
    seen.add(id(owner))
    if isinstance(owner, GENERATORS):
        if not any(owner is one for one in GLOBAL):
            yield path, owner
    elif isinstance(owner, dict):
        for key, value in owner.items():
            yield from _own_generators(value, f'{path}[{key!r}]', seen)
    elif isinstance(owner, (list, tuple)):
        for i, value in enumerate(owner):
            yield from _own_generators(value, f'{path}[{i}]', seen)
    elif not isinstance(owner, (type, ModuleType)):
        for key, value in getattr(owner, '__dict__', {}).items():
            yield from _own_generators(value, f'{path}.{key}', seen)


def _unrepeatable(dataset: Dataset) -> str:
    """Name the first transform whose result is not repeatable."""
    with preserved_generators():
        for base in base_datasets(dataset):
            if not hasattr(base, 'get_data_info'):
                continue
            data = base.get_data_info(0)
            for transform in _transforms(base):
                results = []
                for _ in range(2):
                    seed_generators(0, 0, 0)
                    results.append(transform(copy.deepcopy(data)))
                if not _same(*results):
                    return f'The transform {_name(transform)}'
                data = results[0]
    return f'The data set, a {type(dataset).__name__},'


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, BaseDataElement):
        one, other = dict(one.all_items()), dict(other.all_items())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            _same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, (int, float, str, bytes, Image.Image)):
        return one == other
    return True  # such as an object that cannot be compared


def _name(part: Any) -> str:
    return getattr(part, '__name__', type(part).__name__)
