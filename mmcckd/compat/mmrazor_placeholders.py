"""Let MMRazor be imported anew where it was before this package.

Whoever imports ``mmrazor.datasets``, or tries ``mmrazor.models`` in vain, and
then mmcckd, has parts of MMRazor with placeholders in the place of mmcls; they
would stay, and be what the registries know. Parts that somebody made work
before are left alone.

Can be deleted when MMRazor imports mmpretrain.
"""
import sys
from types import ModuleType

from mmengine.registry import Registry

KEPT = ('mmrazor.registry', 'mmrazor.utils', 'mmrazor.version')


def remove_placeholder_modules() -> None:
    """Forget the modules of a MMRazor that is there in part, if any.

    To be called when mmcls can be imported, before MMRazor is.
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
