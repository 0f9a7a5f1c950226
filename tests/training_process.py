"""Run tools/train.py in processes that are killed.

The processes are forked from a server that has imported everything, so that a
test does not wait for imports.
"""
import multiprocessing
import os
import random
import runpy
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parent.parent
_CONTEXT = multiprocessing.get_context('forkserver')
PRELOADED = ['mmcckd', 'mmcckd.engine', 'mmcckd.recipes.mixing_arguments',
             'mmcckd.datasets.imagenet_layout', 'matplotlib.pyplot']
# What a checkpoint is saved with; a process can be killed before each.
FILE_OPERATIONS = ['fsync', 'replace', 'remove', 'unlink']


class TrainingProcess:
    """A process that trains.

    Args:
        config (Path): The config.
        work_dir (Path): The work dir; what the process prints is written to
            ``log_name`` in it.
        *arguments (str): Others of tools/train.py.
        kill_at (int, optional): Kill the process before this file operation,
            counted from 0.
        prepare (Callable, optional): Called in the process at first.
        log_name (str): See ``work_dir``. Defaults to "log.txt".
    """

    def __init__(self, config, work_dir, *arguments, kill_at=None,
                 prepare=None, log_name='log.txt'):
        _CONTEXT.set_forkserver_preload(PRELOADED)
        work_dir.mkdir(parents=True, exist_ok=True)
        self.work_dir = work_dir
        self.log_file = work_dir / log_name
        self.log_file.unlink(missing_ok=True)
        self._process = _CONTEXT.Process(
            target=_train,
            args=([str(config), '--work-dir', str(work_dir), *arguments],
                  self.log_file, kill_at, prepare))
        self._process.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ''

    def wait(self, timeout=300):
        """The exit status; that of a killed process is negative."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f'The training hangs:\n{self.log[-3000:]}')
        return self._process.exitcode

    def succeed(self):
        assert self.wait() == 0, self.log[-3000:]

    def wait_for(self, text, timeout=120):
        """Wait until the process has printed a text."""
        end = time.time() + timeout
        while text not in self.log:
            assert time.time() < end and self._process.is_alive(), (
                self.log[-3000:])
            time.sleep(0.01)

    def signal(self, number, group=False):
        """Send a signal, unless the process has ended already."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)


def _train(arguments, log_file, kill_at, prepare):
    os.setpgid(0, 0)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir(ROOT)
    sys.argv = [str(ROOT / 'tools/train.py'), *arguments]
    if prepare is not None:
        prepare()
    with ExitStack() as stack:
        if kill_at is not None:
            _kill_at(kill_at, stack)
        try:
            runpy.run_path(sys.argv[0], run_name='__main__')
        except Exception:
            # As at the end of an interpreter; multiprocessing does not.
            sys.excepthook(*sys.exc_info())
            sys.exit(1)


def _kill_at(number, stack):
    """Kill this process before a file operation in a folder of a run."""
    count = 0

    def counted(name, function):

        def wrapper(*args, **kwargs):
            nonlocal count
            if count == number:
                if name == 'fsync':  # as if a part had been written
                    os.ftruncate(args[0], random.randrange(
                        1 + os.fstat(args[0]).st_size))
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            return function(*args, **kwargs)

        return wrapper

    for name in FILE_OPERATIONS:
        stack.enter_context(
            mock.patch.object(os, name, counted(name, getattr(os, name))))
