"""Import :mod:`mmcckd.register` when MMEngine is imported, and not before.

``from mmcckd.functional import CCLoss`` also imports ``mmcckd``, and should
take no longer than importing PyTorch. Components can be registered later,
since nothing can be built from a registry before MMEngine is imported.

They cannot be registered while a package that is needed for it is only partly
imported: ``import mmrazor`` imports MMEngine, and registering needs MMRazor.
Therefore, they are registered after the outermost import of one of the
packages below.
"""
import sys
import threading
import warnings
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Iterator, Optional

# Packages that mmcckd.register imports, and others that MMRazor imports if
# they are installed.
OPENMMLAB = ('mmengine', 'mmcv', 'mmcls', 'mmpretrain', 'mmrazor', 'mmdet',
             'mmseg', 'mmpose')
# Parts of mmcckd that can be imported without registering the components.
LIGHT = ('mmcckd.arguments', 'mmcckd.functional', 'mmcckd.register')


class RegisteringFinder(MetaPathFinder):
    """Finds the packages after which the components have to be registered."""

    def find_spec(self, name: str, path=None, target=None
                  ) -> Optional[ModuleSpec]:
        ours = (
            name.startswith('mmcckd.') and name.count('.') == 1
            and name not in LIGHT)
        if not ours and name not in OPENMMLAB:
            return None
        if name in OPENMMLAB:
            RegisteringLoader.lift_version_assertions()
        if name == 'mmcls' and not RegisteringLoader.is_importing():
            _register_or_warn()  # after which it is a name of MMPretrain
            sys.modules.pop(name, None)  # or Python would load it twice
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, 'find_spec'):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = RegisteringLoader(spec.loader, ours)
                return spec
        return None


class RegisteringLoader(Loader):
    """Loads a package, and registers the components if no other is loading.

    Args:
        loader (Loader): Python's loader of the package.
        ours (bool): Whether it is a part of mmcckd, which needs the
            workarounds of :mod:`mmcckd.compat`.
    """

    _this_thread = threading.local()
    _registering = threading.Lock()

    def __init__(self, loader: Loader, ours: bool) -> None:
        self.loader = loader
        self.ours = ours

    def __getattr__(self, name: str):
        # Other methods of Python's loader, such as get_code().
        if name == 'loader':
            raise AttributeError(name)
        return getattr(self.loader, name)

    @classmethod
    def is_importing(cls) -> bool:
        """Whether this thread is importing one of the packages."""
        return getattr(cls._this_thread, 'importing', False)

    @classmethod
    def lift_version_assertions(cls) -> None:
        """Before the loader of a package is chosen, not when it loads."""
        with cls._importing():
            from .compat.version_assertions import lift_version_assertions
        lift_version_assertions()

    @classmethod
    @contextmanager
    def _importing(cls) -> Iterator[None]:
        """Meanwhile, imports in this thread do not register components."""
        before = cls.is_importing()
        cls._this_thread.importing = True
        try:
            yield
        finally:
            cls._this_thread.importing = before

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = module.__spec__.loader = self.loader
        if self.is_importing():
            self.loader.exec_module(module)
            return
        with self._importing():
            if self.ours:
                with self._unless_another_thread_does() as registering:
                    import mmcckd.compat.applied  # noqa: F401
                    self.loader.exec_module(module)
                    if registering:
                        import mmcckd.register  # noqa: F401
            else:
                self.loader.exec_module(module)
                with self._unless_another_thread_does() as registering:
                    if registering:
                        _register_or_warn()

    @contextmanager
    def _unless_another_thread_does(self) -> Iterator[bool]:
        """Yield whether this thread registers the components.

        It does not wait for another thread that does, since that thread may
        be waiting for this import.
        """
        registering = self._registering.acquire(blocking=False)
        try:
            yield registering
        finally:
            if registering:
                self._registering.release()


def _register_or_warn() -> None:
    """Register the components; the import of another package must not fail."""
    try:
        import mmcckd.register  # noqa: F401
    except ImportError as error:
        warnings.warn(
            f"mmcckd's components could not be registered: {error}")
