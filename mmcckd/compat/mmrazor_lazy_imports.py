"""Import SciPy, scikit-learn and pyplot for MMRazor only when it uses them.

MMRazor imports ``scipy.stats``, ``sklearn.tree`` and ``matplotlib.pyplot`` for
its predictors of metrics, its ``OFDDistiller`` and its pictures of feature
maps, which few runs use. They would take a quarter of the time of ``import
mmcckd``. Here, MMRazor gets objects that import a module when it is used.

Can be deleted when MMRazor imports them in the functions that use them.
"""
import builtins
import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any, Iterator

MODULES = ('matplotlib.pyplot', 'scipy.stats', 'sklearn.tree')


@contextmanager
def imported_lazily() -> Iterator[None]:
    """Give modules of MMRazor that are imported in this context such objects.

    What else is imported, such as toolboxes that MMRazor imports, gets the
    modules themselves. So does MMRazor if they are already imported.
    """
    original = builtins.__import__

    def import_or_defer(name, globals=None, locals=None, fromlist=(), level=0):
        importer = (globals or {}).get('__name__', '')
        if (name not in MODULES or name in sys.modules
                or not importer.startswith('mmrazor.')):
            return original(name, globals, locals, fromlist, level)
        module = LazyModule(name)
        if fromlist:  # from matplotlib.pyplot import …
            return module
        # import matplotlib.pyplot as …: Python reads "pyplot" of matplotlib.
        return SimpleNamespace(**{name.rpartition('.')[2]: module})

    builtins.__import__ = import_or_defer
    try:
        yield
    finally:
        builtins.__import__ = original


class LazyModule(ModuleType):
    """A module whose attributes import it when they are used."""

    def __getattr__(self, name: str) -> 'LazyAttribute':
        if name.startswith('__'):  # Python asks for __path__
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
