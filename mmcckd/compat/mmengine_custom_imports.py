"""Import the ``custom_imports`` of new-style configs.

MMEngine 0.10.7 imports them when it reads a text config, and ignores them in a
config that uses ``read_base`` or imports classes.

Can be deleted when MMEngine imports them in all configs.
"""
import functools

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings


def import_custom_modules_of_all_configs() -> None:
    """Make ``Config.fromfile`` import ``custom_imports`` of all configs."""
    read = Config.fromfile
    if hasattr(read, '__wrapped__'):
        return

    @functools.wraps(read)
    def fromfile(filename,
                 use_predefined_variables: bool = True,
                 import_custom_modules: bool = True,
                 *args,
                 **kwargs) -> Config:
        cfg = read(filename, use_predefined_variables, import_custom_modules,
                   *args, **kwargs)
        # Only new-style configs have imported names, at least read_base.
        is_new_style = bool(cfg._imported_names)
        if is_new_style and import_custom_modules and cfg.get(
                'custom_imports'):
            import_modules_from_strings(**cfg.custom_imports)
        return cfg

    Config.fromfile = staticmethod(fromfile)
