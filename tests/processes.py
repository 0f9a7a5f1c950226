"""Several processes that communicate with gloo, for distributed tests."""
import ctypes
import os
import socket
import subprocess
import sys
from typing import List, Optional, Sequence

# Gloo's threads must end before the interpreter does, and so must what holds
# them, such as a model of DDP's; or a rank now and then aborts on its way out.
RUN_AND_END = '''
import gc, sys, torch
exec(sys.argv.pop(1), {'__name__': '__main__'})
gc.collect()
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
'''


def free_port() -> str:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return str(s.getsockname()[1])


def as_slurm_rank(rank: int, world_size: int, port: str,
                  machines: Optional[Sequence[str]] = None) -> None:
    """Set the variables with which Slurm starts a rank.

    Args:
        rank (int): The rank.
        world_size (int): The number of ranks.
        port (str): The port of rank 0.
        machines (Sequence[str], optional): Network namespaces; the process
            then moves to that of its rank. The first one is 10.77.0.1.
    """
    os.environ.update(
        SLURM_PROCID=str(rank),
        SLURM_LOCALID='0' if machines else str(rank),
        SLURM_NTASKS=str(world_size),
        SLURM_NODELIST='localhost',
        MASTER_ADDR='10.77.0.1' if machines else '127.0.0.1',
        MASTER_PORT=port)
    if machines:
        with open(f'/run/netns/{machines[rank]}') as namespace:
            failed = ctypes.CDLL(None).setns(namespace.fileno(), 0)
        assert not failed


def run_ranks(code: str, world_size: int,
              *arguments: str) -> List[subprocess.CompletedProcess]:
    """Run Python code in every rank; results in the order of ranks."""
    port = free_port()
    processes = [
        subprocess.Popen([
            sys.executable, '-c', RUN_AND_END, code, *map(str, arguments)
        ],
                         env=dict(
                             os.environ,
                             RANK=str(rank),
                             LOCAL_RANK=str(rank),
                             WORLD_SIZE=str(world_size),
                             MASTER_ADDR='127.0.0.1',
                             MASTER_PORT=port,
                             OMP_NUM_THREADS='1'),
                         stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE,
                         text=True) for rank in range(world_size)
    ]
    results = []
    for process in processes:
        output, errors = process.communicate(timeout=300)
        results.append(
            subprocess.CompletedProcess(process.args, process.returncode,
                                        output, errors))
    return results
