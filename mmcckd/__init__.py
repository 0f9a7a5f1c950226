"""Correlation Congruence for Knowledge Distillation, a plugin for MMRazor.

Importing the package registers its components (:mod:`mmcckd.register`): at
once where MMEngine is imported already, as by a config that has ``mmcckd``
among its ``custom_imports``; otherwise when MMEngine is imported
(:mod:`mmcckd.when_imported`). :mod:`mmcckd.functional` needs PyTorch alone.
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
        # Not import_module, which raises where two threads wait for each
        # other's imports; the import statement goes on.
        __import__(f'{__name__}.{name}')
        return sys.modules[f'{__name__}.{name}']
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


if 'mmengine' in sys.modules:
    from . import register  # noqa: F401
else:
    sys.meta_path.insert(0, RegisteringFinder())
