"""Let torch's safe unpickler read what MMEngine 0.10.7 writes.

Since torch 2.6 ``torch.load`` accepts tensors and plain containers only.
MMEngine's checkpoints also hold the log: ``HistoryBuffer`` objects around
numpy arrays, with references to their own methods, so ``--resume`` fails.

These are allowed, and nothing else; a pickle that calls another function stays
refused. Where the true object would open more than is needed, a stand-in takes
its name: ``getattr`` would lead from any class to everything, and a forged
``numpy.dtype`` makes an array of pointers out of bytes.

Can be deleted when MMEngine allows its own classes.
"""
import codecs
import os
import pickle
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator
from unittest import mock

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import _weights_only_unpickler

# torch 2.4 brought the list of what is allowed besides tensors.
HAS_ALLOW_LIST = hasattr(torch.serialization, 'add_safe_globals')


def allow_mmengine_checkpoints() -> None:
    """Allow-list the contents of MMEngine's checkpoints, once a process."""
    if HAS_ALLOW_LIST:
        torch.serialization.add_safe_globals(list(_allowed().values()))


@contextmanager
def safe_loading() -> Iterator[None]:
    """Within it ``torch.load`` runs no code of a file's, on any torch.

    The default is safe from torch 2.6 on, except for URLs, which MMEngine
    loads by a function of torch's that still asks for the unsafe way.

    Raises:
        pickle.UnpicklingError: From ``torch.load``, if a file holds more than
            tensors, plain containers and MMEngine's log.
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
