"""Let torch's safe unpickler read what MMEngine 0.10.7 writes.

Since torch 2.6 ``torch.load`` accepts tensors and plain containers only.
MMEngine's checkpoints also hold the log: ``HistoryBuffer`` objects around
numpy arrays, with references to their own methods, so ``--resume`` fails.

These are allowed, and nothing else, and only while MMEngine's
``CheckpointLoader`` loads; a pickle that calls another function stays refused.
Where the true object would open more than is needed, a stand-in takes its
name: ``getattr`` would lead from any class to everything, and a forged
``numpy.dtype`` makes an array of pointers out of bytes. What was loaded holds
ordinary arrays.

Can be deleted when MMEngine allows its own classes.
"""
import codecs
import functools
import operator
import os
import pickle
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, Set
from unittest import mock

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import _weights_only_unpickler

# torch 2.4 brought the list of what is allowed besides tensors.
HAS_ALLOW_LIST = hasattr(torch.serialization, 'add_safe_globals')

_always_safely = False


def allow_mmengine_checkpoints() -> None:
    """Allow the contents of MMEngine's checkpoints where MMEngine loads."""
    load = CheckpointLoader.load_checkpoint.__func__
    if hasattr(load, '__wrapped__'):
        return

    @functools.wraps(load)
    def load_checkpoint(*args, **kwargs):
        with safe_loading() if _always_safely else nullcontext():
            with _allow_list() as hidden:
                try:
                    return _with_plain_arrays(load(*args, **kwargs), set())
                except pickle.UnpicklingError:
                    if not hidden:
                        raise
            return load(*args, **kwargs)  # by what the user has allowed

    CheckpointLoader.load_checkpoint = classmethod(load_checkpoint)


def load_always_safely() -> None:
    """Have MMEngine load all that it loads in this process safely.

    The default is safe from torch 2.6 on, except for URLs, which MMEngine
    loads by a function of torch's that still asks for the unsafe way. What
    else calls ``torch.load`` is left alone, and so is all where the user has
    set one of torch's variables for it.
    """
    global _always_safely
    _always_safely = HAS_ALLOW_LIST and not any(
        name in os.environ for name in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD',
                                        'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'))


@contextmanager
def safe_loading() -> Iterator[None]:
    """Within it ``CheckpointLoader`` runs no code of a file's, on any torch.

    Raises:
        pickle.UnpicklingError: From ``CheckpointLoader``, if a file holds more
            than tensors, plain containers and MMEngine's log.
    """
    with mock.patch.dict(os.environ):
        os.environ.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)
        if HAS_ALLOW_LIST:
            os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
            yield
            return

        load = torch.load

        def load_safely(f, map_location=None, *args, **kwargs):
            return load(
                f,
                map_location,
                pickle_module=SimpleNamespace(
                    __name__='pickle',
                    Unpickler=_SafeUnpickler,
                    load=_load_without_storages))

        with mock.patch.object(torch, 'load', load_safely):
            yield


@contextmanager
def _allow_list() -> Iterator[list]:
    """Within it our objects are allowed. Gives the user's of the same names,
    which have to wait: which of two torch takes is a matter of chance."""
    if not HAS_ALLOW_LIST:
        yield []
        return
    ours = list(_allowed().values())
    hidden = [
        allowed for allowed in torch.serialization.get_safe_globals()
        if _name(allowed) in _allowed()
    ]
    _swap(hidden, ours)
    try:
        yield hidden
    finally:
        _swap(ours, hidden)


def _name(allowed: Any) -> str:
    if isinstance(allowed, tuple):  # (object, name)
        return allowed[1]
    return f'{allowed.__module__}.{allowed.__qualname__}'


def _swap(old: list, new: list) -> None:
    kept = [
        allowed for allowed in torch.serialization.get_safe_globals()
        if allowed not in old
    ]
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(kept + new)


def _with_plain_arrays(value: Any, seen: Set[int]) -> Any:
    """The same, with numpy's own objects in the place of the stand-ins."""
    if isinstance(value, _Array):
        return value.view(np.ndarray)
    if isinstance(value, _Dtype):
        return value.dtype
    if isinstance(value, torch.Tensor) or id(value) in seen:
        return value
    seen.add(id(value))
    if isinstance(value, tuple):
        parts = [_with_plain_arrays(part, seen) for part in value]
        same = all(map(operator.is_, parts, value))
        return value if same else tuple(parts)
    if isinstance(value, (dict, list)):
        places = value if isinstance(value, dict) else range(len(value))
        for place in places:
            plain = _with_plain_arrays(value[place], seen)
            if plain is not value[place]:
                value[place] = plain
    attributes = getattr(value, '__dict__', None)
    if type(attributes) is dict:
        _with_plain_arrays(attributes, seen)
    return value


@functools.cache
def _allowed() -> Dict[str, Any]:
    """By the name that pickles use, what they get."""
    functions = {
        'builtins.getattr': _method_of_history_buffer,
        '_codecs.encode': codecs.encode,
    }
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        # numpy 2 renamed the module
        functions[f'{module}._reconstruct'] = _empty_array
        functions[f'{module}.scalar'] = _scalar
    return {
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'numpy.ndarray': _Array,
        'numpy.dtype': _Dtype,
        **{name: _under_name(f, name) for name, f in functions.items()}
    }


def _under_name(function: Callable, name: str) -> Callable:
    """The function, as pickles refer to it."""

    def forward(*args):
        return function(*args)

    forward.__module__, forward.__qualname__ = name.rsplit('.', 1)
    forward.__name__ = forward.__qualname__
    return forward


def _method_of_history_buffer(owner: type, name: str) -> Callable:
    """All that a checkpoint reaches by ``getattr``: a buffer's statistics."""
    if owner is not HistoryBuffer or name not in (
            'min', 'max', 'mean', 'current',
            *HistoryBuffer._statistics_methods):
        raise pickle.UnpicklingError(
            f'The checkpoint asks for {name!r} of {owner!r}, but only the '
            "statistics of MMEngine's HistoryBuffer are allowed.")
    return getattr(owner, name)


class _Dtype:
    """In place of ``numpy.dtype``: of numbers, truth values and text only."""

    def __init__(self, code: str, *_) -> None:
        self.dtype = np.dtype(str(code))
        self._check(self.dtype.kind in 'biufcSU', code)

    def __setstate__(self, state: tuple) -> None:
        _, byte_order, subdtype, names, fields = state[:5]
        self._check(subdtype is names is fields is None, state)
        self.dtype = self.dtype.newbyteorder(byte_order)

    def _check(self, plain: bool, found: Any) -> None:
        if not plain:
            raise pickle.UnpicklingError(
                f'The checkpoint holds an array of dtype {found!r}, but only '
                'numbers, truth values and text are allowed.')


class _Array(np.ndarray):
    """In place of ``numpy.ndarray``: takes a checked dtype when unpickled,
    and is pickled as an ordinary array again."""

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, data = state
        super().__setstate__((version, shape, dtype.dtype, fortran, data))

    def __reduce_ex__(self, protocol: int) -> tuple:
        return self.view(np.ndarray).__reduce_ex__(protocol)


_Array.__module__ = _Dtype.__module__ = 'numpy'
_Array.__qualname__ = _Array.__name__ = 'ndarray'
_Dtype.__qualname__ = _Dtype.__name__ = 'dtype'


def _empty_array(*_) -> _Array:
    return _Array((0, ), np.int8)


def _scalar(dtype: _Dtype, data: bytes) -> np.generic:
    return np.frombuffer(data, dtype.dtype)[0]


class _SafeUnpickler(pickle.Unpickler):
    """For torch < 2.4: finds what torch's safe unpickler and we allow."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            **_weights_only_unpickler._get_allowed_globals(),
            **_allowed()
        }
        module = {'__builtin__': 'builtins'}.get(module, module)
        if f'{module}.{name}' not in allowed:
            raise pickle.UnpicklingError(
                f'Unsupported global: {module}.{name} is not allowed.')
        return allowed[f'{module}.{name}']


def _load_without_storages(file, **kwargs) -> Any:
    """The head of a file in torch's format before 1.6."""
    return _SafeUnpickler(file, **kwargs).load()
