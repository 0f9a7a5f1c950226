"""Do jobs in parallel processes, each in one of its own.

The processes are forked from a server that has imported everything and done
nothing else: a run costs no imports, and starts from the same state as every
other, whatever the others did.
"""
import multiprocessing
import os
import sys
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

_CONTEXT = multiprocessing.get_context('forkserver')


@dataclass(frozen=True, eq=False)
class Job:
    """A function that a process calls.

    Args:
        name (str): For the progress.
        function (Callable): Of a module, and importable.
        arguments (tuple): What it is called with.
        log (Path): Where the process prints to.
    """
    name: str
    function: Callable
    arguments: Tuple
    log: Path


@dataclass(frozen=True)
class Done:
    """How a job ended.

    Args:
        job (Job): The job.
        value (Any): What the function returned; None if it failed.
        error (str): Why it failed; empty if it did not.
        seconds (float): From the start of the process to its end.
    """
    job: Job
    value: Any
    error: str
    seconds: float


def do_all(jobs: List[Job], processes: int,
           tick: Callable[[List[Job]], None]) -> Iterator[Done]:
    """Do all jobs; one that fails does not end the others.

    Args:
        jobs (List[Job]): What to do, in this order.
        processes (int): How many at once.
        tick (Callable): Called with the running jobs every half second or so.

    Yields:
        Done: Each job as it ends.
    """
    os.environ['OMP_NUM_THREADS'] = '1'  # the server inherits it
    _CONTEXT.set_forkserver_preload(['mmcckd.studies.training'])
    waiting = list(reversed(jobs))
    running: Dict[Any, Tuple[Job, Any, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                job = waiting.pop()
                ours, theirs = _CONTEXT.Pipe(duplex=False)
                process = _CONTEXT.Process(
                    target=_work, args=(job, theirs), name=job.name)
                process.start()
                theirs.close()
                running[ours] = (job, process, time.time())
            for pipe in wait(list(running), timeout=0.5):
                job, process, start = running.pop(pipe)
                try:
                    value, error = pipe.recv()
                except EOFError:  # it was killed, or crashed
                    value, error = None, ''
                process.join()
                if process.exitcode and not error:
                    error = f'its process ended with {process.exitcode}'
                yield Done(job, value, error, time.time() - start)
            tick([job for job, _, _ in running.values()])
    finally:  # on Ctrl-C or an error of the caller's
        for _, process, _ in running.values():
            process.terminate()
        for _, process, _ in running.values():
            process.join()


def _work(job: Job, pipe) -> None:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, 'w') as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
        try:
            pipe.send((job.function(*job.arguments), ''))
        except Exception as error:
            traceback.print_exc()
            pipe.send((None, f'{type(error).__name__}: {error}'))
