import os
import time
from multiprocessing import forkserver

import pytest
from jobs import environment, work

from mmcckd.studies.processes import Job, run_jobs


def test_other_jobs_continue_when_one_fails(tmp_path):
    names = ['a', 'raise', 'b', 'crash', 'c']
    jobs = [Job(n, work, (n, ), tmp_path / f'{n}.log') for n in names]
    running = []
    done = {d.job.name: d for d in run_jobs(jobs, 2, running.append)}
    assert set(done) == set(names)
    processes = set()
    for name in 'abc':
        assert done[name].error == ''
        assert done[name].value[0] == name
        processes.add(done[name].value[1])
    assert len(processes) == 3 and os.getpid() not in processes
    assert done['raise'].error == 'RuntimeError: as told'
    assert done['crash'].error == 'its process ended with -9'
    assert max(map(len, running)) <= 2
    log = (tmp_path / 'raise.log').read_text()
    assert 'I was told to raise' in log and 'Traceback' in log


def test_processes_have_one_thread_and_can_use_cuda(tmp_path):
    # Other tests may have started the server, in another environment.
    forkserver._forkserver._stop()
    done, = run_jobs([Job('a', environment, (), tmp_path / 'a.log')], 1,
                     lambda running: None)
    assert done.value['OMP_NUM_THREADS'] == '1'
    # Otherwise PyTorch's search for a GPU initializes CUDA in the server.
    assert done.value['PYTORCH_NVML_BASED_CUDA_CHECK'] == '1'


def test_an_error_of_the_caller_ends_the_processes(tmp_path):
    def interrupt(running):
        if running:
            raise KeyboardInterrupt

    start = time.time()
    with pytest.raises(KeyboardInterrupt):
        list(
            run_jobs([Job('a', work, ('a', 60.0), tmp_path / 'a.log')], 1,
                     interrupt))
    assert time.time() - start < 50
