"""Correlation Congruence for Knowledge Distillation, a plugin for MMRazor.

Importing the package registers its components (:mod:`mmcckd.register`). If
MMEngine is already imported, for example by a config with ``mmcckd`` in its
``custom_imports``, they are registered at once, and otherwise as soon as
MMEngine is imported (:mod:`mmcckd.when_imported`). :mod:`mmcckd.functional`
needs PyTorch alone.
"""
import sys

from .version import __version__
from .when_imported import RegisteringFinder

__all__ = [
    '__version__', 'datasets', 'engine', 'functional', 'models',
    'recipes', 'reid', 'superclasses'
]


def __getattr__(name: str):
    if name in __all__:
        # import_module would raise an error if two threads wait for each
        # other's imports; the import statement does not.
        __import__(f'{__name__}.{name}')
        return sys.modules[f'{__name__}.{name}']
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


if 'mmengine' in sys.modules:
    from . import register  # noqa: F401
else:
    sys.meta_path.insert(0, RegisteringFinder())
