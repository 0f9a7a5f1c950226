"""Import SciPy, scikit-learn and pyplot for MMRazor only when it uses them.

MMRazor imports ``scipy.stats``, ``sklearn.tree`` and ``matplotlib.pyplot`` for
its predictors of metrics, its ``OFDDistiller`` and its pictures of feature
maps, which few runs use. They would take a quarter of the time of ``import
mmcckd``. Here, MMRazor gets objects that import a module when it is used.

Can be deleted when MMRazor imports them in the functions that use them.
"""
import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Iterator

MODULES = ('matplotlib.pyplot', 'scipy.stats', 'sklearn.tree')


@contextmanager
def imported_lazily() -> Iterator[None]:
    """Give the modules that are imported in this context such objects.

    Modules that are already imported are used as they are.
    """
    lazy = {
        name: LazyModule(name)
        for name in MODULES if name not in sys.modules
    }
    sys.modules.update(lazy)
    try:
        yield
    finally:
        for name, module in lazy.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


class LazyModule(ModuleType):
    """A module whose attributes import it when they are used."""

    def __getattr__(self, name: str) -> 'LazyAttribute':
        if name.startswith('__'):  # Python asks for __path__ and __spec__
            raise AttributeError(name)
        return LazyAttribute(self.__name__, name)


class LazyAttribute:
    """A name of a module that is imported when the name is used.

    Args:
        module (str): Name of the module.
        name (str): Name in the module.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def _get(self) -> Any:
        return getattr(import_module(self._module), self._name)

    def __call__(self, *args, **kwargs) -> Any:
        return self._get()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get(), name)
