"""The networks of a recipe, to look for modules in."""
from typing import Tuple

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.config_files.without_weights import without_weights


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
