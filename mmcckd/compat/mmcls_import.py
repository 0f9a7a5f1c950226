"""Make ``import mmcls`` import MMPretrain, its successor.

MMRazor 1.0.0 imports classification components from mmcls. If the import
fails, it uses placeholders, for example for the cross entropy of
``KDSoftCELoss`` and for the base class of its searchable backbones. Recorders,
deliveries and modules of users name mmcls too. Here, the modules of mmcls are
the modules of MMPretrain (the same objects). No ``mmcls`` is created on disk
or among the installed packages.

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

# The modules and names of mmcls 1.0.0rc6 that MMPretrain has renamed.
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
    """Whether mmcls itself is installed."""
    try:
        spec = find_spec(OLD)
    except ValueError:  # a module that was created without an import
        return True
    # A plain folder mmcls, such as that of MMRazor's configs, has no origin.
    return (spec is not None and spec.name == OLD and spec.origin is not None
            and not isinstance(spec.loader, OldNameFinder))


def import_mmcls_as_mmpretrain() -> None:
    """Import ``mmcls`` and its modules from MMPretrain from now on."""
    if not any(isinstance(finder, OldNameFinder) for finder in sys.meta_path):
        # It must be the first: otherwise, Python finds the files again by
        # __path__, and imports them a second time.
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
        sys.modules[module.__name__] = new  # import returns this entry


def _new_name(name: str) -> str:
    return RENAMED_MODULES.get(name, NEW + name[len(OLD):])
