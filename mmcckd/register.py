"""Register the components with OpenMMLab's registries.

Importing this module applies the workarounds for other packages
(:mod:`mmcckd.compat`) and imports all packages that register components.
``import mmcckd`` does so as soon as MMEngine is imported.
"""
from .compat import applied  # noqa: F401  # isort: skip  (first)

from . import (  # noqa: F401
    datasets,
    engine,
    models,
    recipes,
    reid,
)
