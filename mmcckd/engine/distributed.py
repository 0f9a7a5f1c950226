"""Start the process group, also where there is no GPU."""
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.dist import init_dist, is_distributed


def init_distributed(launcher: str, cfg: Config) -> None:
    """Join the other processes that a launcher has started.

    MMEngine's ``init_dist``, but by gloo where there is no GPU: it asks for
    NCCL by default, and for a GPU in any case.

    Args:
        launcher (str): "none", which does nothing, "pytorch", "slurm" or
            "mpi".
        cfg (Config): Its ``env_cfg.dist_cfg`` are the arguments, such as
            ``dict(backend='nccl')``.
    """
    if launcher == 'none' or is_distributed():
        return
    dist_cfg = cfg.get('env_cfg', {}).get('dist_cfg', {})
    if torch.cuda.is_available():
        init_dist(launcher, **dist_cfg)
        return
    with mock.patch.object(torch.cuda, 'set_device'):
        init_dist(launcher, **dict(dist_cfg, backend='gloo'))
