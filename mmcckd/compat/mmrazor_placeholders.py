"""Import MMRazor again if it was imported before this package.

If ``mmrazor.datasets`` was imported before mmcckd, or an import of
``mmrazor.models`` has failed, some modules of MMRazor contain placeholders
for mmcls. They would stay imported, and their components registered. Modules
without placeholders, and an MMRazor whose models could be imported, are not
touched.

Can be deleted when MMRazor imports mmpretrain.
"""
import sys
from types import ModuleType

from mmengine.registry import Registry

KEPT = ('mmrazor.registry', 'mmrazor.utils', 'mmrazor.version')


def remove_placeholder_modules() -> None:
    """Remove the modules of a partly imported MMRazor, if there are any.

    To be called after mmcls was made importable and before MMRazor is
    imported.
    """
    modules = {
        name: module
        for name, module in sys.modules.items()
        if name.startswith('mmrazor.') and not name.startswith(KEPT)
    }
    if 'mmrazor.models' in modules or not any(
            map(_has_placeholder, modules.values())):
        return
    import mmrazor.registry
    for registry in vars(mmrazor.registry).values():
        if isinstance(registry, Registry):
            for name, registered in list(registry.module_dict.items()):
                if registered.__module__ in modules:
                    del registry.module_dict[name]
    for name in modules:
        del sys.modules[name]


def _has_placeholder(module: ModuleType) -> bool:
    return any(
        getattr(value, '__qualname__', '').startswith('get_placeholder.')
        for value in vars(module).values())
