"""Import Python's standard library in configs, also in a virtual environment.

MMEngine 0.10.7 looks for the standard library in the folder of the Python that
runs, which is not where a virtual environment has it. It then replaces
``import os.path as osp`` in a config by a placeholder, and ``osp.join(…)``
raises a RuntimeError without a message. It even reads a text config with such
an import as a new-style config.

Can be deleted when MMEngine knows the modules of the standard library.
"""
import functools
import sys

import mmengine.config.config as config
import mmengine.config.utils as utils


def know_standard_library() -> None:
    """Make MMEngine import modules of the standard library in configs."""
    is_builtin = utils._is_builtin_module
    if hasattr(is_builtin, '__wrapped__'):
        return

    @functools.wraps(is_builtin)
    def is_builtin_module(module_name: str) -> bool:
        package = module_name.partition('.')[0]
        return package in sys.stdlib_module_names or is_builtin(module_name)

    for module in (config, utils):  # which imported the function by name
        module._is_builtin_module = is_builtin_module
