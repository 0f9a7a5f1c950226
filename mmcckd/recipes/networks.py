"""The networks of a recipe, to look for modules in."""
import copy
from typing import Tuple

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmrazor.registry import MODELS
from torch import nn


def build_networks(cfg: Config) -> Tuple[nn.Module, nn.Module]:
    """Student and teacher of a recipe, with random weights.

    Nothing is downloaded, and the random state is left as it was.

    Args:
        cfg (Config): As :func:`.distillation_of` takes it.

    Returns:
        Tuple[nn.Module, nn.Module]: The student; the teacher, or of
        data-free recipes the ``nn.ModuleDict`` of their teachers.

    Raises:
        ModuleNotFoundError: If a network's config is of a package that is not
            installed.
    """
    model = without_weights(cfg.model)
    scope = model.get('_scope_') or cfg.get('default_scope', 'mmengine')
    with torch.random.fork_rng(devices=[]), \
            DefaultScope.overwrite_default_scope(scope):
        student = MODELS.build(model.architecture)
        if model.get('teacher'):
            return student, MODELS.build(model.teacher)
        return student, nn.ModuleDict({
            name: MODELS.build(teacher.build_cfg)
            for name, teacher in model.teachers.items()
        })


def without_weights(cfg):
    """A copy of a model's config that asks for no weights when it is built.

    Args:
        cfg (ConfigDict): ``cfg.model``, or any part of it.

    Returns:
        ConfigDict: Without a teacher's checkpoint, and with ``pretrained``
        off in all networks. What an ``init_cfg`` says is left; it is for
        ``init_weights``.
    """
    if isinstance(cfg, dict):
        return ConfigDict({
            key: _without_weights(key, value)
            for key, value in cfg.items() if key != 'ckpt_path'
        })
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(map(without_weights, cfg))
    return copy.deepcopy(cfg)


def _without_weights(key: str, value):
    if key == 'teacher_ckpt':
        return None
    if key == 'pretrained':  # a flag, or of old a path
        return None if isinstance(value, str) else False
    return without_weights(value)
