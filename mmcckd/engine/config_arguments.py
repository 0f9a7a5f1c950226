"""The config that is given on a command line, see :mod:`.arguments`."""
import argparse
import os
import os.path as osp
from typing import Optional

from mmengine.config import Config
from mmengine.hub import get_config

from mmcckd.compat.mmengine_checkpoints import load_always_safely
from mmcckd.config_files.assignments import check_assignments
from mmcckd.config_files.installed_packages import check_installed
from mmcckd.config_files.overrides import override
from mmcckd.config_files.suggestions import OBJECTIVE

from .host_defaults import fill_in_preprocessor


def read_config(name: str, options: Optional[dict] = None) -> Config:
    """Read a config, and override entries of it.

    Args:
        name (str): Path of a file, or ``package::path``.
        options (dict, optional): Entries to override, see :func:`.override`.
            Defaults to None.

    Returns:
        Config: The config.

    Raises:
        ValueError: If an assignment in the file or an option has no effect.
        ModuleNotFoundError: If the package, or one that the config inherits
            from, is not installed.
    """
    check_installed(name)
    try:
        cfg = get_config(name) if '::' in name else Config.fromfile(name)
    except ModuleNotFoundError as error:
        if error.name is not None:  # the config itself imports the module
            raise
        raise ModuleNotFoundError(
            f'{name} cannot be read, since it inherits from another package: '
            f'{error}. (Recipes for detection need mmdet, or mmdet3d as well, '
            'those for segmentation mmsegmentation, and all of them the full '
            'mmcv instead of mmcv-lite; bash tools/setup_env.sh --full makes '
            'an environment with them.)') from error
    check_assignments(cfg)
    return override(cfg, options) if options else cfg


def load_config(args: argparse.Namespace) -> Config:
    """Read the config that is given on a command line.

    Args:
        args (argparse.Namespace): Parsed arguments, among them those of
            :func:`.add_config_arguments`.

    Returns:
        Config: The config with the overrides, ``launcher``, ``work_dir`` and
        the type of the data preprocessor.

    Raises:
        ModuleNotFoundError, ValueError: See :func:`read_config`.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    # Checkpoints of --resume and load_from must not execute code.
    load_always_safely()
    try:
        cfg = read_config(args.config, args.cfg_options)
    except ValueError as error:
        if (getattr(args, 'mix_cc', None) is None
                or OBJECTIVE.keys().isdisjoint(args.cfg_options or {})):
            raise
        raise ValueError(
            f'{error} To change settings that --mix-cc adds, give them after '
            'it: --mix-cc loss_weight=… kernel.gamma=… kernel.order=… '
            'samples_per_class=….') from error
    fill_in_preprocessor(cfg)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('./work_dirs', name)
    return cfg
