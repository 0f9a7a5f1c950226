"""Run jobs in parallel, each in a process of its own.

The processes are forked from a server that has imported all modules and done
nothing else: a run does not wait for imports, and starts from the same state
as every other run.
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
# MMEngine imports the second when it builds the visualizer of a run.
PRELOADED = ['mmcckd.studies.training', 'matplotlib.pyplot']


@dataclass(frozen=True, eq=False)
class Job:
    """A function call for a process.

    Args:
        name (str): Name for the progress display.
        function (Callable): A function that other processes can import.
        arguments (tuple): Its arguments.
        log (Path): File for what the process prints.
    """
    name: str
    function: Callable
    arguments: Tuple
    log: Path


@dataclass(frozen=True)
class JobResult:
    """Outcome of a job.

    Args:
        job (Job): The job.
        value (Any): What the function returned; None if it failed.
        error (str): Why it failed; empty if it succeeded.
        seconds (float): Run time of the process.
    """
    job: Job
    value: Any
    error: str
    seconds: float


def run_jobs(jobs: List[Job], processes: int,
             on_poll: Callable[[List[Job]], None]) -> Iterator[JobResult]:
    """Run jobs in parallel; the others continue if one fails.

    Args:
        jobs (List[Job]): The jobs, which are started in this order.
        processes (int): Number of jobs at a time.
        on_poll (Callable): Called with the running jobs about every half
            second.

    Yields:
        JobResult: The outcome of each job when it ends.
    """
    # The server inherits them. The second is the number of processors that
    # joblib counts. With the third, PyTorch looks for GPUs without using CUDA,
    # which could not be used in forked processes afterwards.
    os.environ.update(
        OMP_NUM_THREADS='1',
        LOKY_MAX_CPU_COUNT='1',
        PYTORCH_NVML_BASED_CUDA_CHECK='1')
    _CONTEXT.set_forkserver_preload(PRELOADED)
    waiting = list(reversed(jobs))
    running: Dict[Any, Tuple[Job, Any, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                job = waiting.pop()
                ours, theirs = _CONTEXT.Pipe(duplex=False)
                process = _CONTEXT.Process(
                    target=_run, args=(job, theirs), name=job.name)
                process.start()
                theirs.close()
                running[ours] = (job, process, time.time())
            for pipe in wait(list(running), timeout=0.5):
                job, process, start = running.pop(pipe)
                try:
                    value, error = pipe.recv()
                except EOFError:  # the process was killed, or crashed
                    value, error = None, ''
                process.join()
                if process.exitcode and not error:
                    error = f'its process ended with {process.exitcode}'
                yield JobResult(job, value, error, time.time() - start)
            on_poll([job for job, _, _ in running.values()])
    finally:  # also on Ctrl-C, or an error of the caller
        for _, process, _ in running.values():
            process.terminate()
        for _, process, _ in running.values():
            process.join()


def _run(job: Job, pipe) -> None:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, 'w') as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
        try:
            pipe.send((job.function(*job.arguments), ''))
        except Exception as error:
            traceback.print_exc()
            pipe.send((None, f'{type(error).__name__}: {error}'))
