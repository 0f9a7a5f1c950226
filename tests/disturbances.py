"""What disturbs a training from within its process."""
import os
import resource
import signal

from mmengine.runner import EpochBasedTrainLoop


def send_in(loop, count, number=signal.SIGTERM):
    """Let a process send itself a signal before an iteration of a loop."""
    run_iter = loop.run_iter

    def counted(self, *args):
        nonlocal count
        if count == 0:
            os.kill(os.getpid(), number)
        count -= 1
        return run_iter(self, *args)

    loop.run_iter = counted


def be_rank(rank, port):
    """Be one of two processes; see processes.py."""
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE='2',
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=port)


def be_terminated_rank(rank, port):
    be_rank(rank, port)
    if rank == 1:  # rank 0 is not told
        send_in(EpochBasedTrainLoop, 8)


def limit_file_size(size):
    """Let each file be as large at most, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
