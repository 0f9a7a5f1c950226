"""Correlation Congruence for Knowledge Distillation, a plugin for MMRazor.

Importing the package makes the toolbox underneath work on today's PyTorch
(:mod:`mmcckd.compat`) and registers the components.
"""
from .compat import allow_mmengine_checkpoints, check_versions, import_mmrazor
from .version import __version__

check_versions()
import_mmrazor()
allow_mmengine_checkpoints()

from . import datasets, kernels, models  # noqa: E402

__all__ = ['__version__', 'datasets', 'kernels', 'models']
