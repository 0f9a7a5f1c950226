"""Train a recipe, and check its losses and the gradient of the CC loss."""
import math
import os
import socket
from typing import Dict

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmcckd.engine import build_runner, init_distributed
from mmcckd.models import CorrelationCongruenceLoss, FrozenTeacherDistill


def train(cfg: Config) -> Runner:
    """Train, and return the runner.

    Raises:
        ArithmeticError: If a loss is not finite, or the gradient of the CC
            loss is zero or not finite.
    """
    DefaultScope._instance_dict.clear()  # remove that of the previous recipe
    if 'teachers' in cfg.model:  # MMRazor expects a wrapped model
        cfg.launcher = 'pytorch'
        os.environ.update(
            RANK='0', LOCAL_RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1',
            MASTER_PORT=_free_port())
        init_distributed(cfg.launcher, cfg)
    runner = build_runner(cfg)
    if not torch.cuda.is_available():  # SyncBatchNorm needs a GPU
        runner.model = revert_sync_batchnorm(runner.model)
    remove_pretrained_init(runner.model)
    check = GradientCheck(runner.model)
    runner.train()
    check.raise_if_zero()
    losses = losses_of(runner)
    if not losses or not all(map(math.isfinite, losses.values())):
        raise ArithmeticError(f'The losses are {losses}.')
    return runner


def losses_of(runner: Runner) -> Dict[str, float]:
    """Return the losses of the last iteration by name."""
    scalars = runner.message_hub.log_scalars
    return {
        name.removeprefix('train/'): float(scalars[name].current())
        for name in scalars if 'loss' in name
    }


def remove_pretrained_init(model: torch.nn.Module) -> None:
    """Initialize all weights at random, so that nothing is downloaded."""
    networks = [model]
    if isinstance(model, FrozenTeacherDistill):  # its teacher is no submodule
        networks.append(model.teacher)
    for network in networks:
        for module in network.modules():
            init_cfg = getattr(module, 'init_cfg', None)
            if isinstance(init_cfg, dict) and init_cfg['type'] == 'Pretrained':
                module.init_cfg = None


class GradientCheck:
    """Check the gradient of the CC loss, if there is one, in the student.

    The gradient of the last iteration is checked, since that of the first one
    is zero if the weights of the head are zero, as in DeiT.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = getattr(model, 'module', model)
        self.largest = None  # absolute value in the gradient
        for module in model.modules():
            if isinstance(module, CorrelationCongruenceLoss):
                module.register_forward_hook(self.measure)

    def measure(self, module, inputs, loss: torch.Tensor) -> None:
        # Detectors freeze the first stages of the backbone.
        weight = next(
            parameter for parameter in self.model.architecture.parameters()
            if parameter.requires_grad)
        gradient, = torch.autograd.grad(loss, weight, retain_graph=True)
        self.largest = gradient.abs().max().item()

    def raise_if_zero(self) -> None:
        if self.largest is not None and not 0 < self.largest < math.inf:
            raise ArithmeticError(
                'The gradient of loss_cc for the first weight of the student '
                f'must be finite and not zero, but is {self.largest}.')


def _free_port() -> str:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return str(s.getsockname()[1])
