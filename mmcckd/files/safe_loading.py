"""Load checkpoints of MMEngine without running code that is in them.

torch's safe loading accepts tensors and plain containers. MMEngine's
checkpoints also contain the log: ``HistoryBuffer`` objects with NumPy arrays,
and references to their own methods. These, and nothing else, are allowed
while a checkpoint is loaded. The arrays in the result are ordinary ones, and
the references are left out.
"""
import functools
import os
import pickle
import tarfile
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator
from unittest import mock

import torch
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version
from torch import _weights_only_unpickler

from .pickles import NUMPY, SafeUnpickler, allow_as, with_plain_arrays

# Since torch 2.4, further classes and functions can be allowed.
HAS_ALLOW_LIST = hasattr(torch.serialization, 'add_safe_globals')
# Since torch 2.6, safe loading refuses programs.
REFUSES_PROGRAMS = digit_version(torch.__version__) >= digit_version('2.6.0')


@contextmanager
def safe_loading() -> Iterator[None]:
    """Make ``torch.load`` safe, even if it is called with weights_only=False.

    On torch < 2.4, it also accepts MMEngine's log; on later versions, use
    :func:`allow_log`.

    Raises:
        pickle.UnpicklingError: In ``torch.load``, if a file contains anything
            but tensors, plain containers and MMEngine's log.
    """
    programs = nullcontext() if REFUSES_PROGRAMS else refuse_programs()
    with mock.patch.dict(os.environ), programs:
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
                    Unpickler=_TorchUnpickler,
                    load=_load_without_storages))

        with mock.patch.object(torch, 'load', load_safely):
            yield


@contextmanager
def refuse_programs() -> Iterator[None]:
    """Make ``torch.load`` refuse TorchScript, which can write files when it
    is loaded, and the tar archives of torch < 0.1.10, which are unpacked.

    Raises:
        pickle.UnpicklingError: In ``torch.load``.
    """
    is_script = torch.serialization._is_torchscript_zip

    def refuse_script(archive) -> bool:
        if is_script(archive):
            raise pickle.UnpicklingError('it is a TorchScript program.')
        return False

    def refuse_archive(*_, **__) -> None:
        raise tarfile.TarError  # as for any other file

    with mock.patch.multiple(
            torch.serialization,
            _is_torchscript_zip=refuse_script,
            tarfile=SimpleNamespace(
                open=refuse_archive,
                TarError=tarfile.TarError,
                PAX_FORMAT=tarfile.PAX_FORMAT)):
        yield


def allow_log(load: Callable) -> Callable:
    """Wrap a function that loads checkpoints, so that it accepts the log.

    Args:
        load (Callable): The function, such as MMEngine's
            ``CheckpointLoader.load_checkpoint``.
    """

    @functools.wraps(load)
    def load_with_log(*args, **kwargs):
        with _allow_list() as hidden:
            try:
                return with_plain_arrays(load(*args, **kwargs))
            except pickle.UnpicklingError:
                if not hidden:
                    raise
        return load(*args, **kwargs)  # with the user's list

    return load_with_log


@contextmanager
def _allow_list() -> Iterator[list]:
    """Allow the objects of :func:`allowed` within this context.

    Yields:
        list: Objects of the same names that the user has allowed. They are
        not allowed within the context, since torch would use one of the two
        at random.
    """
    if not HAS_ALLOW_LIST:
        yield []
        return
    ours = list(allowed().values())
    hidden = [
        found for found in torch.serialization.get_safe_globals()
        if _name(found) in allowed()
    ]
    _swap(hidden, ours)
    try:
        yield hidden
    finally:
        _swap(ours, hidden)


def _name(found: Any) -> str:
    if isinstance(found, tuple):  # (object, name)
        return found[1]
    return f'{found.__module__}.{found.__qualname__}'


def _swap(old: list, new: list) -> None:
    kept = [
        found for found in torch.serialization.get_safe_globals()
        if found not in old
    ]
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(kept + new)


class _HistoryBuffer(HistoryBuffer):
    """Replaces ``HistoryBuffer``, whose state may hold further methods for the
    class: they would be added for all buffers of the process. An instance
    becomes an ordinary buffer when it gets its state."""

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update({
            name: state[name]
            for name in ('max_length', '_log_history', '_count_history')
        })
        self._set_default_statistics()
        self.__class__ = HistoryBuffer


@functools.cache
def allowed() -> Dict[str, Any]:
    """Objects for the names in pickles of MMEngine's log."""
    return {
        'mmengine.logging.history_buffer.HistoryBuffer':
        allow_as('mmengine.logging.history_buffer.HistoryBuffer',
                 _HistoryBuffer),
        'builtins.getattr':
        allow_as('builtins.getattr', _method_of_history_buffer),
        **NUMPY
    }


def _method_of_history_buffer(owner: type, name: str) -> None:
    """Replaces ``getattr``, which would give access to everything. In the log,
    buffers refer to their own methods with it, which they have anyway."""
    if owner is not _HistoryBuffer or name not in (
            'min', 'max', 'mean', 'current',
            *HistoryBuffer._statistics_methods):
        raise pickle.UnpicklingError(
            f'The checkpoint asks for {name!r} of {owner!r}, but only the '
            "statistics of MMEngine's HistoryBuffer are allowed.")


class _TorchUnpickler(SafeUnpickler):
    """For torch < 2.4: accepts what torch's safe unpickler and we allow."""

    def __init__(self, file, **kwargs) -> None:
        super().__init__(
            file, {
                **_weights_only_unpickler._get_allowed_globals(),
                **allowed()
            }, **kwargs)


def _load_without_storages(file, **kwargs) -> Any:
    """Load the first part of a file in the format of torch before 1.6."""
    return _TorchUnpickler(file, **kwargs).load()
