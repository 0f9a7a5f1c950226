"""Several processes that communicate with gloo, for distributed tests."""
import os
import socket
import subprocess
import sys
from typing import List

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


def as_slurm_rank(rank: int, world_size: int, port: str) -> None:
    """Set the variables with which Slurm starts a rank on this machine."""
    os.environ.update(
        SLURM_PROCID=str(rank),
        SLURM_LOCALID=str(rank),
        SLURM_NTASKS=str(world_size),
        SLURM_NODELIST='localhost',
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=port)


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
