"""Write text configs in MMEngine's new style, with classes as types."""
import re

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry

# MMPretrain looks these types up by their names.
KEPT = ('norm_cfg', 'act_cfg', 'conv_cfg')


def find_class(name, key):
    """The class of a registered name; ``key`` is where the config is."""
    scope, _, name = name.replace('mmcls.', 'mmpretrain.').rpartition('.')
    roots = dict(vars(mmengine.registry))
    if key == 'init_cfg':
        roots = dict(roots=roots['WEIGHT_INITIALIZERS'])
    for root in roots.values():
        if not isinstance(root, Registry):
            continue
        registries = [root.children.get('mmpretrain'), root,
                      root.children.get('mmrazor')]
        for registry in filter(None, registries):
            registry.import_from_location()
            for full in (name, f'{name}Recorder'):
                if full in registry.module_dict and (
                        scope in ('', registry.scope) or registry is root):
                    return registry.module_dict[full]
    raise KeyError(name)


def write_new_style(cfg, path):
    """Write a config with a class for each ``type``, and no scopes.

    Returns the path of the config.
    """
    classes = {}

    def convert(config, key=None):
        if isinstance(config, (list, tuple)):
            return type(config)(convert(part, key) for part in config)
        if not isinstance(config, dict):
            return config
        config = {name: convert(part, name) for name, part in config.items()
                  if name != '_scope_'}
        if isinstance(config.get('type'), str) and key not in KEPT:
            found = find_class(config['type'], key)
            classes[found.__qualname__] = found
            config['type'] = f'<{found.__qualname__}>'
        return config

    text = Config(convert(cfg.to_dict())).pretty_text
    text = re.sub(r"'<(\w+)>'", r'\1', text)
    imports = [f'from {found.__module__} import {name}\n'
               for name, found in sorted(classes.items())]
    path.write_text(''.join(imports) + '\n' + text)
    assert Config._is_lazy_import(str(path))
    return path
