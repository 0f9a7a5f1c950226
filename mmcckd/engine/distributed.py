"""Start the process group, with or without GPUs."""
import atexit
import gc
import os
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.dist import init_dist, is_distributed, is_main_process

from mmcckd.lost_ranks import explain_lost_ranks

from .gloo_interface import choose_gloo_interface
from .lost_launcher import end_with_launcher


def init_distributed(launcher: str, cfg: Config) -> None:
    """Initialize the process group of a distributed run.

    With GPUs, this is MMEngine's ``init_dist``. Without GPUs, the gloo backend
    is used, over the interface that reaches rank 0
    (:func:`.choose_gloo_interface`), and the wrapper of the model is
    configured for the CPU; MMEngine always requires a GPU. If a rank ends
    because it has lost another one, it says so (:func:`.explain_lost_ranks`).
    It also ends if torchrun is killed (:func:`.end_with_launcher`).

    Args:
        launcher (str): "pytorch", "slurm" or "mpi"; with "none", nothing is
            done.
        cfg (Config): The config. ``env_cfg.dist_cfg`` has the arguments for
            ``init_dist``, such as ``dict(backend='nccl', timeout=600)``: a
            rank that waits longer than this for another, in seconds, ends
            with an error. The default of PyTorch is 600 with NCCL and 1800
            with gloo. Without GPUs, the config is changed: the backend is set
            to "gloo", ``model_wrapper_cfg`` is added if it is not set, and its
            ``device_ids`` default to None.

    Raises:
        ValueError: If this machine has GPUs, but fewer than processes.
    """
    if launcher == 'none' or is_distributed():
        return
    _check_gpus()
    explain_lost_ranks()
    end_with_launcher()
    if torch.cuda.is_available():
        init_dist(launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {}))
        return
    cfg.merge_from_dict({'env_cfg.dist_cfg.backend': 'gloo'})
    # MMEngine sets the device when MASTER_ADDR is known, also with Slurm, and
    # before the ranks connect.
    with mock.patch.object(torch.cuda, 'set_device',
                           lambda device: choose_gloo_interface()):
        init_dist(launcher, **cfg.env_cfg.dist_cfg)
    atexit.register(_end_gloo)
    if is_main_process():
        print('PyTorch finds no GPU: the processes communicate with gloo and '
              'share the CPU cores.')
    if cfg.get('model_wrapper_cfg') is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False))
    # By default, MMEngine sets it to a GPU.
    cfg.model_wrapper_cfg.setdefault('device_ids', None)


def _end_gloo() -> None:
    """End the threads of gloo before the interpreter exits.

    Otherwise, a rank that has finished may abort at exit ("terminate called
    without an active exception"), and the launcher then kills the other ranks.
    """
    # DDP models in reference cycles of a runner also hold the process group.
    gc.collect()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _check_gpus() -> None:
    """Raise an error if this machine has GPUs, but fewer than processes."""
    gpus = torch.cuda.device_count()
    for name in ('LOCAL_WORLD_SIZE', 'SLURM_NTASKS_PER_NODE',
                 'OMPI_COMM_WORLD_LOCAL_SIZE'):
        processes = os.environ.get(name, '')
        if processes.isdigit() and 0 < gpus < int(processes):
            raise ValueError(
                f'{processes} processes were started on this machine, one per '
                f'GPU, but it has {gpus} GPUs ({name}={processes}, '
                f'CUDA_VISIBLE_DEVICES={os.environ.get("CUDA_VISIBLE_DEVICES")}'
                f'); start at most {gpus}, or make more GPUs visible.')
