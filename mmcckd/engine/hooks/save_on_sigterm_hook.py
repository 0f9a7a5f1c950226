import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional

from mmengine.dist import all_gather_object, barrier, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS

from mmcckd.files.atomic import atomic_write

from ..random_states import get_random_states, set_random_states
from ..skipped_batches import is_mmengine_loop, skip_batches
from ..stop_request import StopRequest

FILENAME = 'interrupted.pth'
KEY = 'interrupted'
EXIT_STATUS = 128 + signal.SIGTERM


@HOOKS.register_module()
class SaveOnSigtermHook(Hook):
    """Save and end if SIGTERM is received, as schedulers send it.

    After the current iteration, the run is saved as ``interrupted.pth``, to
    which ``last_checkpoint`` then points, and the process ends with status
    143. With ``--resume``, the run continues after that iteration and ends
    with exactly the weights of an uninterrupted run: the batches of the epoch
    that were already used are loaded again, but not trained again. Therefore,
    the number of processes and of batches per epoch must stay the same. At the
    end of the training, ``interrupted.pth`` is removed.

    Several processes stop after the same iteration, also if only one of them
    received the signal; see :class:`.StopRequest`. Within a gradient
    accumulation, the run first continues until the next update. In a
    validation, a single process ends at once if the weights are already saved.
    Otherwise, the run is saved after the first iteration after the validation.

    Nothing is saved if the run has no ``CheckpointHook``, or if its training
    loop is not one of MMEngine's own: SIGTERM then ends the process at once,
    as without this hook.

    The command lines in ``tools/`` register the hook for every config. For
    other runners, use ``custom_hooks=[dict(type='SaveOnSigtermHook')]``.

    Raises:
        SystemExit: With status 143, when the run has been saved.
        ValueError: If a run is resumed from an ``interrupted.pth`` of a run
            with another number of processes or batches.
    """

    priority = 'LOWEST'  # the other hooks have finished the iteration

    def __init__(self) -> None:
        self._request: Optional[StopRequest] = None
        self._is_stopping = False
        self._states: Optional[List[dict]] = None  # of the ranks, to be saved
        self._resumed: Optional[Dict[str, Any]] = None
        self._saved_iter = -1

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            self._resumed = checkpoint.get(KEY)
            self._saved_iter = checkpoint['meta']['iter']

    def before_train(self, runner) -> None:
        if self._resumed is not None:
            _check_position(runner, self._resumed)
        if (threading.current_thread() is not threading.main_thread()
                or _checkpoint_hook(runner) is None
                or not is_mmengine_loop(runner.train_loop)):
            return
        self._request = StopRequest()
        self._replaced = signal.signal(signal.SIGTERM,
                                       lambda *_: self._request.set())

    def before_train_epoch(self, runner) -> None:
        if self._resumed is None:
            return
        states = self._resumed['of_ranks'][runner.rank]
        self._resumed = None
        skip_batches(runner.train_loop, lambda: set_random_states(states))

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        if self._request is None:
            return
        self._is_stopping |= self._request.is_agreed(runner.iter)
        optim_wrapper = runner.optim_wrapper
        if not self._is_stopping or (isinstance(optim_wrapper, OptimWrapper)
                                     and not optim_wrapper.should_update()):
            return
        path = self._save(runner)
        _end(f'The run was saved to {path} after iteration {runner.iter + 1}.')

    def after_val_iter(self,
                       runner,
                       batch_idx: int,
                       data_batch=None,
                       outputs=None) -> None:
        if (self._request is not None and self._request.is_set
                and runner.world_size == 1
                and runner.iter == self._saved_iter):
            _end(f'The run was saved after iteration {runner.iter}, before '
                 'this validation.')

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'optimizer' in checkpoint:
            self._saved_iter = checkpoint['meta']['iter']
        if self._states is not None:
            checkpoint[KEY] = dict(
                num_batches=len(runner.train_loop.dataloader),
                of_ranks=self._states)

    def after_train(self, runner) -> None:
        if self._request is not None:
            signal.signal(signal.SIGTERM, self._replaced)
            self._request = None
        hook = _checkpoint_hook(runner)
        # If a checkpoint was saved after it, nothing refers to the file.
        if hook is not None and hook.last_ckpt and is_main_process():
            path = hook.file_backend.join_path(hook.out_dir, FILENAME)
            if hook.file_backend.isfile(path):
                hook.file_backend.remove(path)

    def _save(self, runner) -> str:
        hook = _checkpoint_hook(runner)
        self._states = all_gather_object(get_random_states())
        runner.save_checkpoint(
            hook.out_dir,
            FILENAME,
            hook.file_client_args,
            by_epoch=False,
            backend_args=hook.backend_args)
        path = hook.file_backend.join_path(hook.out_dir, FILENAME)
        if is_main_process():
            with atomic_write(Path(runner.work_dir,
                                   'last_checkpoint')) as temporary:
                temporary.write_text(path)
        barrier()  # if a rank ends, torchrun ends the others
        return path


def _checkpoint_hook(runner) -> Optional[CheckpointHook]:
    return next(
        (hook for hook in runner.hooks if isinstance(hook, CheckpointHook)),
        None)


def _check_position(runner, resumed: Dict[str, Any]) -> None:
    had = len(resumed['of_ranks']), resumed['num_batches']
    has = runner.world_size, len(runner.train_loop.dataloader)
    if had != has:
        raise ValueError(
            f'The checkpoint {runner._load_from or FILENAME} was saved within '
            f'an epoch, in a run of {had[0]} processes with {had[1]} batches '
            f'per epoch. This run has {has[0]} processes with {has[1]} '
            'batches, so it cannot continue there. Use the same settings, or '
            'resume from a checkpoint that was saved at the end of an epoch: '
            '--resume CHECKPOINT')


def _end(what: str) -> None:
    print_log(
        f'SIGTERM was received. {what} To continue it, repeat the command '
        'with --resume.',
        logger='current',
        level=logging.WARNING)
    sys.exit(EXIT_STATUS)
