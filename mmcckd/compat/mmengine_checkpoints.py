"""Let torch's safe unpickler read what MMEngine 0.10.7 writes.

Since torch 2.6 ``torch.load`` accepts tensors and plain containers only.
MMEngine's checkpoints also hold the log: ``HistoryBuffer`` objects around
numpy arrays, with references to their own methods, so ``--resume`` fails.
These are allowed, and nothing else: the safe default stays on, and a pickle
that calls another function stays refused.

Can be deleted when MMEngine allows its own classes.
"""
import pickle
from typing import Callable

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

try:
    from numpy._core import multiarray
except ImportError:  # numpy < 2
    from numpy.core import multiarray


def allow_mmengine_checkpoints() -> None:
    """Allow-list the classes in MMEngine's checkpoints, once a process."""
    if not hasattr(torch.serialization, 'add_safe_globals'):
        return  # torch < 2.4 has no list, and no safe default either
    dtypes = {type(np.dtype(c)) for c in np.typecodes['All'] if c != 'O'}
    allowed = [HistoryBuffer, np.ndarray, np.dtype, *sorted(dtypes, key=str)]
    for function in (multiarray._reconstruct, multiarray.scalar):
        for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
            allowed.append(_under_name(function, module, function.__name__))
    allowed.append(
        _under_name(_method_of_history_buffer, 'builtins', 'getattr'))
    torch.serialization.add_safe_globals(allowed)


def _method_of_history_buffer(owner: type, name: str) -> Callable:
    """All that a checkpoint may reach by ``getattr``: a buffer's statistics.

    The true ``getattr`` would lead from any allowed class to everything.
    """
    if owner is not HistoryBuffer or name not in (
            'min', 'max', 'mean', 'current',
            *HistoryBuffer._statistics_methods):
        raise pickle.UnpicklingError(
            f'The checkpoint asks for {name!r} of {owner!r}, but only the '
            "statistics of MMEngine's HistoryBuffer are allowed.")
    return getattr(owner, name)


def _under_name(function: Callable, module: str, name: str) -> Callable:
    """The function, as pickles refer to it (numpy 2 renamed its modules)."""

    def forward(*args):
        return function(*args)

    forward.__module__, forward.__name__ = module, name
    forward.__qualname__ = name
    return forward
