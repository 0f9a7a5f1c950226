"""Networks that are given by a config file, ``dict(cfg_path=…)``."""
import copy
import importlib
import logging
from typing import Optional

from mmengine.config import Config, ConfigDict
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.hub import get_config, hub
from mmengine.logging import print_log
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from mmcckd.config_files.installed_packages import check_installed

# Keys that are not arguments of the network.
OWN_KEYS = ('cfg_path', 'pretrained', '_scope_')


def has_cfg_path(network: dict) -> bool:
    """Whether MMRazor builds a network from a config file."""
    return bool(network.get('cfg_path')) and not network.get('type')


def expand_cfg_path(network: dict) -> ConfigDict:
    """Return the complete config of a network that is given by a file.

    Args:
        network (dict): Config of a network with ``cfg_path``: a config file
            with a ``model``, as ``package::path``, or as a path that is
            absolute or relative to the working directory. Other keys, except
            ``pretrained`` and ``_scope_``, override those of the ``model``.
            They are merged like a child config into its ``_base_``; this
            includes ``_delete_``. A config without ``cfg_path`` is copied.

    Returns:
        ConfigDict: Config of the network with ``type``, and with the
        ``data_preprocessor`` of the file, if it has one. Its ``_scope_`` is
        the package, or else the ``default_scope`` of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ModuleNotFoundError: If the package is not installed.
        ValueError: If the file has no ``model``, or a key cannot be merged
            into it.
    """
    if not has_cfg_path(network):
        return ConfigDict(copy.deepcopy(network))
    cfg = _read(network)
    if not cfg.get('model'):
        raise ValueError(f'The cfg_path {network["cfg_path"]} has no model.')
    model = cfg.model
    if 'data_preprocessor' in cfg:
        model.data_preprocessor = cfg.data_preprocessor
    scope = _package_scope(network['cfg_path']) or cfg.get('default_scope')
    if scope is not None:
        model.setdefault('_scope_', scope)
    overrides = {
        key: copy.deepcopy(value)
        for key, value in network.items() if key not in OWN_KEYS
    }
    try:
        return ConfigDict(Config._merge_a_into_b(overrides, model))
    except TypeError as error:  # a dict for a list, without _delete_
        raise ValueError(
            f'The keys next to cfg_path={network["cfg_path"]!r} cannot be '
            f'merged into its model: {error}') from error


def build_cfg_path(network: dict) -> nn.Module:
    """Build a network that is given by a file.

    Args:
        network (dict): Config of a network, see :func:`expand_cfg_path`. With
            ``pretrained=True``, the weights that the package publishes for
            the file are loaded; a string is the path of a checkpoint.

    Returns:
        nn.Module: The network.

    Raises:
        FileNotFoundError, ModuleNotFoundError: See :func:`expand_cfg_path`.
        ValueError: See :func:`expand_cfg_path`. Also raised if no weights are
            published, or weights of the network are missing or have another
            shape in the checkpoint.
    """
    model = expand_cfg_path(network)
    scope = model.get('_scope_', 'mmengine')
    with DefaultScope.overwrite_default_scope(scope):
        if _package_scope(network['cfg_path']) is not None:
            utils = importlib.import_module(f'{scope}.utils')
            utils.register_all_modules(init_default_scope=False)
        built = MODELS.build(model)
    if network.get('pretrained'):
        _load(built, network)
    return built


def _read(network: dict) -> Config:
    path = network['cfg_path']
    if '::' not in path:
        try:
            return Config.fromfile(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'There is no config file at the cfg_path {path}; give '
                'package::path, or a path that is absolute or relative to '
                'the working directory.') from error
    check_installed(path)
    return get_config(path)


def _package_scope(path: str) -> Optional[str]:
    """Return the scope of a package's components; mmcckd has no scope."""
    if '::' not in path:
        return None
    package, _ = hub._get_package_and_cfg_path(path)
    scopes = {package: name for name, package in MODULE2PACKAGE.items()}
    scope = scopes.get(package, package)
    return None if scope == 'mmcckd' else scope


def _load(model: nn.Module, network: dict) -> None:
    checkpoint = network['pretrained']
    path = network['cfg_path']
    if checkpoint is True:
        try:
            checkpoint = get_config(path, pretrained=True).model_path
        except (AssertionError, AttributeError, FileNotFoundError) as error:
            raise ValueError(
                f'pretrained=True, but no weights are published for {path}; '
                'remove it, or set pretrained=CHECKPOINT.') from error
    try:
        hub.load_checkpoint(
            model, checkpoint, map_location='cpu', strict=True)
    except RuntimeError as error:
        if ('missing keys' in str(error) or 'size mismatch' in str(error)):
            raise ValueError(
                f'The weights {checkpoint} do not fit {path} with the keys '
                f'next to it: {error}\nTo load only a part of them, remove '
                'pretrained, and set init_cfg of that part, such as backbone='
                "dict(init_cfg=dict(type='Pretrained', checkpoint=…, prefix="
                "'backbone')).") from error
        print_log(str(error), logger='current', level=logging.WARNING)
    model._is_init = True  # MMEngine then does not initialize it again
