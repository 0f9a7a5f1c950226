"""Make the checkpoint that recipes to train a pruned network start from."""
import torch

from mmcckd.engine.config_arguments import read_config
from mmcckd.engine.host_defaults import fill_in_preprocessor

from .small import make_small
from .toys import Toys
from .training import train


def use_pruned_checkpoint(network: dict, toys: Toys) -> None:
    """Let a ``GroupFisherSubModel`` load a network with pruned channels.

    Its recipe of pruning is run for a moment, at the first use.

    Args:
        network (dict): The config of the network, which is changed.
        toys (Toys): The data, and the folder of the checkpoint.
    """
    path = toys.folder / 'pruned.pth'
    if not path.exists():
        cfg = read_config('mmrazor::pruning/mmcls/group_fisher/resnet50/'
                          'group_fisher_act_prune_resnet50_8xb32_in1k.py')
        fill_in_preprocessor(cfg)
        make_small(cfg, toys)
        cfg.model.interval = 1  # number of iterations for each channel
        cfg.custom_hooks = []  # they print the channels
        cfg.work_dir = str(toys.folder / 'work_dir')
        torch.save(dict(state_dict=train(cfg).model.state_dict()), path)
    network.algorithm.init_cfg = dict(type='Pretrained', checkpoint=str(path))
    network.algorithm.architecture.init_cfg = None
