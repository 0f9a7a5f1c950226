"""Start the process group, also where there is no GPU."""
import atexit
import gc
import os
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.dist import init_dist, is_distributed, is_main_process


def init_distributed(launcher: str, cfg: Config) -> None:
    """Join the other processes that a launcher has started.

    MMEngine's ``init_dist``, but by gloo where there is no GPU: it asks for
    NCCL by default, and for a GPU in any case. There the model's wrapper is
    told so, too.

    Args:
        launcher (str): "none", which does nothing, "pytorch", "slurm" or
            "mpi".
        cfg (Config): Its ``env_cfg.dist_cfg`` are the arguments, such as
            ``dict(backend='nccl')``. Without a GPU, that backend becomes
            gloo, and ``model_wrapper_cfg`` is set unless it is there, and
            names no GPU.

    Raises:
        ValueError: If there are GPUs, but fewer than processes on this
            machine.
    """
    if launcher == 'none' or is_distributed():
        return
    _check_gpus()
    if torch.cuda.is_available():
        init_dist(launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {}))
        return
    cfg.merge_from_dict({'env_cfg.dist_cfg.backend': 'gloo'})
    with mock.patch.object(torch.cuda, 'set_device'):
        init_dist(launcher, **cfg.env_cfg.dist_cfg)
    atexit.register(_end_gloo)
    if is_main_process():
        print('PyTorch finds no GPU here: the processes talk by gloo, and '
              'share the cores.')
    if cfg.get('model_wrapper_cfg') is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False))
    # MMEngine's own default names a GPU.
    cfg.model_wrapper_cfg.setdefault('device_ids', None)


def _end_gloo() -> None:
    """Let gloo's threads end before the interpreter does.

    Otherwise a rank that has done its work may abort on its way out
    ("terminate called without an active exception"), and the launcher then
    kills the others.
    """
    gc.collect()  # a model of DDP's, in a runner's cycles, holds the group too
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _check_gpus() -> None:
    """Raise if this machine has fewer GPUs than processes, but has some."""
    gpus = torch.cuda.device_count()
    for name in ('LOCAL_WORLD_SIZE', 'SLURM_NTASKS_PER_NODE',
                 'OMPI_COMM_WORLD_LOCAL_SIZE'):
        processes = os.environ.get(name, '')
        if processes.isdigit() and 0 < gpus < int(processes):
            raise ValueError(
                f'{processes} processes were started on this machine, one a '
                f'GPU, but it has {gpus} ({name}={processes}, '
                f'CUDA_VISIBLE_DEVICES={os.environ.get("CUDA_VISIBLE_DEVICES")}'
                f'); ask for at most {gpus}, or make more GPUs visible.')
