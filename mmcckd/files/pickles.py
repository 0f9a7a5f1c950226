"""Read pickles without running code that is in them.

Python's unpickler calls any function that a pickle names. This one only
accepts the names of a list. Where the original class or function would allow
more than is needed, a replacement is used: with ``numpy.dtype``, a malicious
file could turn bytes into an array of pointers.
"""
import operator
import pickle
from typing import Any, BinaryIO, Mapping, Optional, Set

import numpy as np
import torch


class SafeUnpickler(pickle._Unpickler):
    """An unpickler that refuses all objects but those that are allowed.

    It is Python's unpickler in Python: that in C allocates up to 69 GB for a
    pickle of 10 bytes, as large as an index in it.

    Args:
        file (BinaryIO): The pickle.
        allowed (Mapping[str, Any]): The allowed names, such as
            "collections.OrderedDict", and the object that each of them
            stands for. Lists, dicts, text and numbers need no name.
        **kwargs: Other arguments of :class:`pickle.Unpickler`.

    Raises:
        Exception: In ``load()``; ``pickle.UnpicklingError`` for any other
            name, and of many types for a damaged pickle.
    """
    # Without the one instruction that allocates what its argument says, which
    # no pickle needs that can be read: bytearrays are of protocol 5.
    dispatch = {
        opcode: load
        for opcode, load in pickle._Unpickler.dispatch.items()
        if opcode != pickle.BYTEARRAY8[0]
    }

    def __init__(self, file: BinaryIO, allowed: Mapping[str, Any],
                 **kwargs) -> None:
        super().__init__(file, **kwargs)
        self.allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if module == '__builtin__':  # Python 2, and protocol 2
            module = 'builtins'
        try:
            return self.allowed[f'{module}.{name}']
        except KeyError:
            raise pickle.UnpicklingError(
                f'it contains {module}.{name}, which is not allowed.'
            ) from None


class _Dtype:
    """Replaces ``numpy.dtype``: numbers, booleans and text only."""

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
                f'It holds an array of dtype {found!r}, but only numbers, '
                'booleans and text are allowed.')


class _Array(np.ndarray):
    """Replaces ``numpy.ndarray``. Its dtype is checked, and it is pickled as
    an ordinary array."""

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, data = state
        super().__setstate__((version, shape, dtype.dtype, fortran, data))

    def __reduce_ex__(self, protocol: int) -> tuple:
        return self.view(np.ndarray).__reduce_ex__(protocol)


def _empty_array(*_) -> _Array:
    return _Array((0, ), np.int8)


def _scalar(dtype: _Dtype, data: bytes) -> np.generic:
    return np.frombuffer(data, dtype.dtype)[0]


def _encode(text: str, _: str) -> bytes:
    return text.encode('latin1')  # how protocol 2 writes bytes


def allow_as(name: str, found: Any) -> Any:
    """Rename a class to its name in pickles, or wrap a function under that
    name, since torch looks up allowed objects by their names."""
    if isinstance(found, type):
        named = found
    else:

        def named(*args):
            return found(*args)

    named.__module__, named.__qualname__ = name.rsplit('.', 1)
    named.__name__ = named.__qualname__
    return named


# Arrays of numbers, booleans and text, by the names of NumPy 1 and 2.
NUMPY = {
    name: allow_as(name, found)
    for name, found in {
        'numpy.ndarray': _Array,
        'numpy.dtype': _Dtype,
        'numpy.core.multiarray._reconstruct': _empty_array,
        'numpy._core.multiarray._reconstruct': _empty_array,
        'numpy.core.multiarray.scalar': _scalar,
        'numpy._core.multiarray.scalar': _scalar,
        '_codecs.encode': _encode,
    }.items()
}


def with_plain_arrays(value: Any, seen: Optional[Set[int]] = None) -> Any:
    """Replace the arrays that :data:`NUMPY` has created with ordinary ones.

    Args:
        value (Any): What was unpickled. Lists, dicts and the attributes of
            objects are changed in place.
        seen (Set[int], optional): Ids of the objects that were visited, since
            an object may contain itself. For the recursion.
    """
    seen = set() if seen is None else seen
    if isinstance(value, _Array):
        return value.view(np.ndarray)
    if isinstance(value, _Dtype):
        return value.dtype
    if isinstance(value, torch.Tensor) or id(value) in seen:
        return value
    seen.add(id(value))
    if isinstance(value, tuple):
        parts = [with_plain_arrays(part, seen) for part in value]
        same = all(map(operator.is_, parts, value))
        return value if same else tuple(parts)
    if isinstance(value, (dict, list)):
        places = value if isinstance(value, dict) else range(len(value))
        for place in places:
            plain = with_plain_arrays(value[place], seen)
            if plain is not value[place]:
                value[place] = plain
    attributes = getattr(value, '__dict__', None)
    if type(attributes) is dict:
        with_plain_arrays(attributes, seen)
    return value
