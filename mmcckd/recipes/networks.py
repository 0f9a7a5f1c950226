"""Build the networks of a recipe."""
from typing import Tuple

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.config_files.component_types import bare_type
from mmcckd.config_files.without_weights import without_weights


def build_networks(cfg: Config) -> Tuple[nn.Module, nn.Module]:
    """Build student and teacher of a recipe with random weights.

    Nothing is downloaded, and the global random state is not changed.

    Args:
        cfg (Config): A recipe with a teacher, see :func:`.distillation_of`.

    Returns:
        Tuple[nn.Module, nn.Module]: The student; and the teacher, or an
        ``nn.ModuleDict`` of the teachers of a data-free recipe. If the
        teacher is the largest subnet of the student, it is the student.

    Raises:
        ModuleNotFoundError: If the config of a network belongs to a package
            that is not installed.
    """
    model = without_weights(cfg.model)
    scope = model.get('_scope_') or cfg.get('default_scope', 'mmengine')
    with torch.random.fork_rng(devices=[]), \
            DefaultScope.overwrite_default_scope(scope):
        student = MODELS.build(_before_pruning(model.architecture))
        if model.get('teacher'):
            return student, MODELS.build(model.teacher)
        if not model.get('teachers'):
            return student, student
        return student, nn.ModuleDict({
            name: MODELS.build(teacher.build_cfg)
            for name, teacher in model.teachers.items()
        })


def _before_pruning(architecture: dict) -> dict:
    """The config of the network that a ``GroupFisherSubModel`` is a part of.

    It has modules of the same names. Building a ``GroupFisherSubModel`` loads
    the weights of the algorithm that has pruned the network.
    """
    if bare_type(architecture) == 'GroupFisherSubModel':
        return architecture.algorithm.architecture
    return architecture
