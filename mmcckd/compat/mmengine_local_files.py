"""Write local files completely or not at all.

MMEngine writes checkpoints, and ``last_checkpoint``, in place. If the process
is killed meanwhile, or the disk is full, what is left is the beginning of a
file, also of one that was complete before. A run cannot be resumed from it.

Can be deleted when MMEngine's ``LocalBackend`` and ``CheckpointHook`` write to
a temporary file and rename it.
"""
import functools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator, Optional, Union

from mmengine.dist import get_rank, is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook, checkpoint_hook
from mmengine.utils import mkdir_or_exist

from mmcckd.files.atomic import atomic_write, remove_partial_files


def write_local_files_atomically() -> None:
    """Make MMEngine write local files with :func:`.atomic_write`."""
    LocalBackend.put = _put
    LocalBackend.put_text = _put_text
    # Its only call is that for last_checkpoint.
    checkpoint_hook.open = _open
    before_train = CheckpointHook.before_train
    if not hasattr(before_train, 'cleans_up'):
        CheckpointHook.before_train = _clean_up_first(before_train)


def _put(self, obj: bytes, filepath: Union[str, Path]) -> None:
    mkdir_or_exist(os.path.dirname(filepath))
    with _open(filepath, 'wb') as file:
        file.write(obj)


def _put_text(self,
              obj: str,
              filepath: Union[str, Path],
              encoding: str = 'utf-8') -> None:
    mkdir_or_exist(os.path.dirname(filepath))
    with _open(filepath, 'w', encoding) as file:
        file.write(obj)


@contextmanager
def _open(path: Union[str, Path],
          mode: str,
          encoding: Optional[str] = None) -> Iterator[IO]:
    if os.path.exists(path) and not os.path.isfile(path):  # /dev/stdout
        with open(path, mode, encoding=encoding) as file:
            yield file
        return
    # LoggerHook writes the metrics of a test on all ranks, to one file.
    with atomic_write(path, get_rank()) as temporary:
        with open(temporary, mode, encoding=encoding) as file:
            yield file


def _clean_up_first(before_train):

    @functools.wraps(before_train)
    def clean_up_first(self, runner) -> None:
        before_train(self, runner)
        if is_main_process() and os.path.isdir(self.out_dir):
            remove_partial_files(self.out_dir, '.pth')
            remove_partial_files(runner.work_dir, '')  # of last_checkpoint

    clean_up_first.cleans_up = True
    return clean_up_first
