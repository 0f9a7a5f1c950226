"""Let ``import mmcls`` give MMPretrain, which is what became of it.

MMRazor 1.0.0 imports its classifiers from mmcls, and where that fails it puts
placeholders in the place of, for example, ``KDSoftCELoss``'s cross entropy and
the base class of its searchable backbones. Recorders, deliveries and users'
modules name mmcls too. Here its modules are MMPretrain's, the very same
objects, and ``mmcls`` is neither on disk nor among the installed packages.

Can be deleted when MMRazor imports mmpretrain.
"""
import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Optional

OLD, NEW = 'mmcls', 'mmpretrain'

# What MMPretrain gave another name, of all that mmcls 1.0.0rc6 had.
RENAMED_MODULES = {
    'mmcls.structures.cls_data_sample': 'mmpretrain.structures.data_sample',
    'mmcls.visualization.cls_visualizer':
    'mmpretrain.visualization.visualizer',
}
RENAMED = dict(
    ClsDataSample='DataSample',
    ClsVisualizer='UniversalVisualizer',
    PackClsInputs='PackInputs',
    ToNumpy='PILToNumpy',
    ToPIL='NumpyToPIL')


def mmcls_is_installed() -> bool:
    """Whether there is an mmcls of its own, not MMPretrain by that name."""
    try:
        spec = find_spec(OLD)
    except ValueError:  # a module that was put together by hand
        return True
    # A mere folder mmcls, as that of MMRazor's configs, has no origin.
    return (spec is not None and spec.name == OLD and spec.origin is not None
            and not isinstance(spec.loader, OldNameFinder))


def import_mmcls_as_mmpretrain() -> None:
    """Find ``mmcls`` and its modules in MMPretrain from now on."""
    if not any(isinstance(finder, OldNameFinder) for finder in sys.meta_path):
        # First, or else Python finds the files a second time by __path__.
        sys.meta_path.insert(0, OldNameFinder())


class OldNameFinder(MetaPathFinder, Loader):
    """Finds MMPretrain's modules under their old names."""

    def find_spec(self, name: str, path=None, target=None
                  ) -> Optional[ModuleSpec]:
        if name.partition('.')[0] != OLD:
            return None
        spec = find_spec(_new_name(name))
        if spec is None:
            return None
        return ModuleSpec(
            name,
            self,
            origin=spec.origin,
            is_package=spec.submodule_search_locations is not None)

    def exec_module(self, module: ModuleType) -> None:
        new = import_module(_new_name(module.__name__))
        for old_name, new_name in RENAMED.items():
            if hasattr(new, new_name) and not hasattr(new, old_name):
                setattr(new, old_name, getattr(new, new_name))
        sys.modules[module.__name__] = new  # the import takes it from here


def _new_name(name: str) -> str:
    return RENAMED_MODULES.get(name, NEW + name[len(OLD):])
