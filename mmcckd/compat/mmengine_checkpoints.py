"""Let torch's safe unpickler read what MMEngine 0.10.7 writes.

Since torch 2.6 ``torch.load`` accepts tensors and plain containers only.
MMEngine's checkpoints also hold the log: ``HistoryBuffer`` objects around
numpy arrays and scalars, so ``--resume`` fails. These classes, which only hold
data, are allowed; the safe default stays on, and a pickle that calls anything
else stays refused.

Can be deleted when MMEngine allows its own classes.
"""
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
    torch.serialization.add_safe_globals([
        HistoryBuffer, np.ndarray, np.dtype, *sorted(dtypes, key=str),
        multiarray._reconstruct, multiarray.scalar
    ])
