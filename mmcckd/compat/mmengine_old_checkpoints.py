"""Remove old checkpoints after the new one is saved.

With ``max_keep_ckpts`` and ``save_best``, MMEngine's ``CheckpointHook``
removes the checkpoint that a new one replaces, and then saves the new one. If
the run is killed in between, or the disk is full, ``max_keep_ckpts=1`` leaves
no checkpoint, and ``save_best`` no best one.

Can be deleted when MMEngine removes old checkpoints last.
"""
import functools
from typing import Any, Callable, List, Tuple

from mmengine.hooks import CheckpointHook


def remove_old_checkpoints_last() -> None:
    """Let ``CheckpointHook`` save before it removes."""
    for name in ('_save_checkpoint_with_step', '_save_best_checkpoint'):
        save = getattr(CheckpointHook, name)
        if not hasattr(save, '__wrapped__'):
            setattr(CheckpointHook, name, _remove_last(save))


def _remove_last(save: Callable) -> Callable:

    @functools.wraps(save)
    def save_and_remove(self, *args, **kwargs) -> None:
        if not hasattr(self, 'file_backend'):  # validated without training
            save(self, *args, **kwargs)
            return
        backend = self.file_backend
        self.file_backend = later = _RemoveLater(backend)
        try:
            save(self, *args, **kwargs)
        finally:
            self.file_backend = backend
        current = [
            self.last_ckpt,
            getattr(self, 'best_ckpt_path', None),
            *getattr(self, 'best_ckpt_path_dict', {}).values()
        ]
        for remove, path in later.removals:
            if path not in current:  # which was saved under the same name
                remove(path)

    return save_and_remove


class _RemoveLater:
    """A file backend that only collects what is to be removed.

    Args:
        backend (BaseStorageBackend): The backend for everything else.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.removals: List[Tuple[Callable, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, filepath: str) -> None:
        self.removals.append((self._backend.remove, filepath))

    def rmtree(self, dir_path: str) -> None:
        self.removals.append((self._backend.rmtree, dir_path))
