"""Correlation Congruence for Knowledge Distillation, a plugin for MMRazor.

Importing the package makes the toolbox underneath work on today's PyTorch
(:mod:`mmcckd.compat`) and registers the components.
"""
from .compat.versions import check_versions  # isort: skip

check_versions()  # before anything that needs the packages

from .compat.upstream import mend_upstream  # noqa: E402

mend_upstream()

from . import (  # noqa: E402
    datasets,
    engine,
    evaluation,
    functional,
    models,
    recipes,
    reid,
    superclasses,
)
from .version import __version__  # noqa: E402

__all__ = [
    '__version__', 'datasets', 'engine', 'evaluation', 'functional', 'models',
    'recipes', 'reid', 'superclasses'
]
