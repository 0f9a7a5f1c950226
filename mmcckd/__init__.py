"""Correlation Congruence for Knowledge Distillation, a plugin for MMRazor.

Importing the package makes the toolbox underneath work on today's PyTorch
(:mod:`mmcckd.compat`) and registers the components.
"""
from .compat.versions import check_versions  # isort: skip

check_versions()  # before anything that needs the packages

from .compat.mmengine_checkpoints import (  # noqa: E402
    allow_mmengine_checkpoints,
)
from .compat.mmengine_hub import let_mmengine_find_configs  # noqa: E402
from .compat.mmrazor_import import import_mmrazor  # noqa: E402

import_mmrazor()
allow_mmengine_checkpoints()
let_mmengine_find_configs()

from . import (  # noqa: E402
    datasets,
    engine,
    evaluation,
    kernels,
    models,
    superclasses,
)
from .version import __version__  # noqa: E402

__all__ = [
    '__version__', 'datasets', 'engine', 'evaluation', 'kernels', 'models',
    'superclasses'
]
