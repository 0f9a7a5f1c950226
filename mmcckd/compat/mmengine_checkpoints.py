"""Let torch's safe loading accept what MMEngine writes.

Since torch 2.6 ``torch.load`` accepts tensors and plain containers only.
MMEngine's checkpoints also hold the log, so ``--resume`` fails.
:mod:`mmcckd.files.safe_loading` allows the log; here MMEngine's
``CheckpointLoader`` uses it. A pickle that calls another function is still
refused.

onedl-mmengine 0.10.12 accepts its checkpoints itself, but allows ``getattr``
for it, with which a pickle can call any function, and loads what is refused
nevertheless, without torch's safe loading. Neither is done here.

Can be deleted when MMEngine allows its own classes, and nothing else.
"""
import functools
import os
from contextlib import nullcontext
from typing import Any

import torch
from mmengine.runner import CheckpointLoader, checkpoint

from mmcckd.files.safe_loading import allow_log, safe_loading

_always_safely = False


def allow_mmengine_checkpoints() -> None:
    """Allow the contents of MMEngine's checkpoints where MMEngine loads."""
    load = CheckpointLoader.load_checkpoint.__func__
    if hasattr(load, '__wrapped__'):
        return
    if hasattr(checkpoint, '_safe_torch_load'):
        checkpoint._safe_torch_load = _torch_load
    load = allow_log(load)

    @functools.wraps(load)
    def load_checkpoint(*args, **kwargs):
        with safe_loading() if _always_safely else nullcontext():
            return load(*args, **kwargs)

    CheckpointLoader.load_checkpoint = classmethod(load_checkpoint)


def _torch_load(*args, **kwargs) -> Any:
    return torch.load(*args, **kwargs)  # which may be replaced later


def load_always_safely() -> None:
    """Make MMEngine load all checkpoints in this process safely.

    Since torch 2.6, this is the default of ``torch.load``. MMEngine loads URLs
    with ``torch.hub``, which still disables it. Other calls of ``torch.load``
    are not changed. Nothing is changed if the user has set one of torch's
    environment variables for safe loading; those have an effect here on older
    versions of torch as well.
    """
    global _always_safely
    _always_safely = not any(
        name in os.environ for name in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD',
                                        'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'))
