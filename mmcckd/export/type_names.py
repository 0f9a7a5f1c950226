"""Names of registered classes, in place of the classes or their paths."""
import sys
from contextlib import suppress
from typing import Any, Dict

import mmengine.registry
from mmengine.registry import Registry

# Names of its components need no scope in the config of a student.
SCOPE = 'mmpretrain'


def name_types(config: Any) -> Any:
    """Replace each ``type`` in a config by the name of a registered class.

    A new-style config has classes, and a config that MMEngine wrote from it
    their paths. MMPretrain's inferencers, for example, compare names.

    Args:
        config (Any): A config or a part of it. It is not changed.

    Returns:
        Any: A copy with plain dicts. Names are kept, and so are classes that
        are not registered, and paths of modules that are not imported:
        a config in a checkpoint must not import modules.
    """
    return _name_types(config, _registered_names())


def _name_types(config: Any, names: Dict[Any, str]) -> Any:
    if isinstance(config, (list, tuple)):
        return type(config)(_name_types(part, names) for part in config)
    if not isinstance(config, dict):
        return config
    named = {key: _name_types(part, names) for key, part in config.items()}
    kind = named.get('type')
    if isinstance(kind, str):
        module, _, name = kind.rpartition('.')
        # Not getattr(), with which some packages import further modules.
        kind = getattr(sys.modules.get(module), '__dict__', {}).get(name)
    if callable(kind):
        named['type'] = names.get(kind, named['type'])
    return named


def _registered_names() -> Dict[Any, str]:
    """Return the name of each registered class or function, with its scope
    unless it is found in MMPretrain's scope."""
    names: Dict[Any, str] = {}
    for root in vars(mmengine.registry).values():
        if not isinstance(root, Registry):
            continue
        own = root.children.get(SCOPE)
        for registry in (own, root, *root.children.values()):
            if registry is None:
                continue
            with suppress(ImportError):  # mmdet3d's names a missing module
                registry.import_from_location()
            for name, component in registry.module_dict.items():
                hidden = own is not None and name in own.module_dict
                is_found = registry is own or (registry is root
                                               and not hidden)
                names.setdefault(
                    component,
                    name if is_found else f'{registry.scope}.{name}')
    return names
