"""Write classes in a config as their paths.

In MMEngine's new-style configs, types are classes. MMEngine 0.10.7 imports
such a class when the config is read, and writes its path into the text of the
config. If a class itself is in a config, as in ``cfg.model.type = MyModel`` or
after ``ConfigDict(**cfg.model)``, its text cannot be formatted, so the run
fails when it saves its config.

Can be deleted when MMEngine's ``Config.dump`` writes classes.
"""
import functools
from types import FunctionType
from typing import Any

import mmengine.config.config as config


def write_classes_as_paths() -> None:
    """Make ``Config.to_dict`` and ``dump`` write classes and functions."""
    convert = config._lazy2string
    if hasattr(convert, '__wrapped__'):
        return

    @functools.wraps(convert)  # which calls itself by this name
    def convert_classes(cfg_dict: Any, dict_type: Any = None) -> Any:
        if isinstance(cfg_dict, (type, FunctionType)):
            return f'{cfg_dict.__module__}.{cfg_dict.__qualname__}'
        return convert(cfg_dict, dict_type)

    config._lazy2string = convert_classes
