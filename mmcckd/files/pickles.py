"""Read pickles without running code that is in them.

Python's unpickler calls any function that a pickle names, or that it reaches
from there, and sets any attribute. This one only accepts the names of a list.
Where the original class or function would allow more than is needed, a
replacement is used: with ``numpy.dtype``, a malicious file could turn bytes
into an array of pointers.
"""
import operator
import pickle
import struct
from typing import Any, BinaryIO, Mapping, Optional, Set

import numpy as np
import torch


class SafeUnpickler(pickle._Unpickler):
    """An unpickler that refuses all objects but those that are allowed.

    What is allowed may be called, and its instances get their state. Neither
    is done with other objects, such as functions that a call has returned. A
    class or function itself gets no state: it would be changed for all.

    It is Python's unpickler in Python: that in C has no methods for the single
    instructions, and allocates up to 69 GB for a pickle of 10 bytes, as large
    as an index in it.

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

    def load_reduce(self) -> None:
        self._check(self.stack[-2], 'calls')
        super().load_reduce()

    def load_build(self) -> None:
        self._check(type(self.stack[-2]), 'changes')
        super().load_build()

    def load_bytearray8(self) -> None:
        # Read first: Python's method first allocates what the length says.
        size, = struct.unpack('<Q', self.read(8))
        self.append(bytearray(self.read(size)))

    def _check(self, found: Any, does: str) -> None:
        if not any(found is allowed for allowed in self.allowed.values()):
            raise pickle.UnpicklingError(
                f'it {does} {found!r}, which is not allowed.')

    dispatch = {
        **pickle._Unpickler.dispatch,
        pickle.REDUCE[0]: load_reduce,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


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


def _array_of_buffer(data: bytes, dtype: _Dtype, shape: tuple,
                     order: str) -> np.ndarray:
    return np.frombuffer(data, dtype.dtype).reshape(shape, order=order)


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
        'numpy.core.numeric._frombuffer': _array_of_buffer,
        'numpy._core.numeric._frombuffer': _array_of_buffer,
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
