"""Import MMRazor with newer versions of mmcv.

MMRazor 1.0.0 asserts in its ``__init__.py`` that mmcv is not newer than 2.1.0,
the last version at its release. It runs with mmcv 2.2.0 and with onedl-mmcv
2.3.6. Here, this assertion is left out when the package is imported, and
nothing else of it changes. It is kept in other versions of MMRazor, and with
versions of mmcv that mmcckd does not support.

MMPretrain 1.2.0 and onedl-mmpretrain 1.3.6 accept these versions. MMDetection
3.3.0 and MMSegmentation 1.2.2 have such an assertion too, which is kept, since
they were not tested with a newer mmcv.

Can be deleted when MMRazor releases a version that accepts mmcv 2.3.
"""
import ast
import sys
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType
from typing import Optional

from .versions import is_supported

# package -> distribution and version that were tested with a newer mmcv
TESTED = dict(mmrazor=('mmrazor', '1.0.0'))


def lift_version_assertions() -> None:
    """Leave out the assertion in packages that are imported from now on."""
    finders = sys.meta_path
    if any(isinstance(finder, AssertingPackageFinder) for finder in finders):
        return
    # Before Python's own finder, and after mmcckd.when_imported's.
    places = [i for i, f in enumerate(finders) if f is PathFinder]
    finders.insert(places[0] if places else 0, AssertingPackageFinder())


class AssertingPackageFinder(MetaPathFinder):
    """Finds the packages whose assertion is left out."""

    def find_spec(self, name: str, path=None, target=None
                  ) -> Optional[ModuleSpec]:
        if not _is_tested(name) or not is_supported('mmcv'):
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1:]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if type(spec.loader) is SourceFileLoader:
                    spec.loader = LoaderWithoutAssertion(name, spec.origin)
                return spec
        return None


class LoaderWithoutAssertion(SourceFileLoader):
    """Loads a package without its assertion about the version of mmcv."""

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(self.get_data(self.path), self.path)
        tree.body = [node for node in tree.body if not _is_about_mmcv(node)]
        return compile(tree, self.path, 'exec', dont_inherit=True)


def _is_tested(name: str) -> bool:
    distribution, version = TESTED.get(name, ('', ''))
    try:
        return bool(version) and metadata.version(distribution) == version
    except metadata.PackageNotFoundError:
        return False


def _is_about_mmcv(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assert) and any(
        isinstance(name, ast.Name) and name.id == 'mmcv_version'
        for name in ast.walk(node.test))
