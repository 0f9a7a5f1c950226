"""What the command lines in ``tools/`` have in common."""
import argparse
import os
import os.path as osp
from typing import Any, Optional

from mmengine.config import Config, DictAction
from mmengine.hub import get_config

from mmcckd.compat.mmengine_checkpoints import load_always_safely
from mmcckd.config_files.assignments import check_assignments
from mmcckd.config_files.installed_packages import check_installed
from mmcckd.config_files.meant import OBJECTIVE
from mmcckd.config_files.overrides import override

from .host_defaults import fill_in_preprocessor


class OptionsAction(DictAction):
    """MMEngine's ``key=value …``, but a value may have spaces, as a path.

    MMEngine removes them, also where it is no list.
    """

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        text = val.strip('\'"')
        is_list = ',' in text or text.startswith(('(', '['))
        if ' ' in text and not is_list:
            return DictAction._parse_int_float_bool(text)
        return DictAction._parse_iterable(val)


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every tool with a config takes."""
    parser.add_argument(
        'config',
        help='config file, or one that a package brings, as package::path')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints; defaults to the work_dir of '
        'the config, else work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        help='override entries of the config, as key=value. Lists are written '
        'key="[a,b]" or key=a,b, nested ones key="[(a,b),(c,d)]", with the '
        'quotation marks and without white space; a single value may have '
        'spaces')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes of a distributed run')
    # torch.distributed.launch passes --local-rank, or of old --local_rank.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0,
        help=argparse.SUPPRESS)


def read_config(name: str, options: Optional[dict] = None) -> Config:
    """The config of a file, or of ``package::path`` if a package brings it.

    Args:
        name (str): The file, or ``package::path``.
        options (dict, optional): What to override, as :func:`.override` says.
            Defaults to None.

    Raises:
        ValueError: If an assignment in the file, or an option, would change
            nothing.
        ModuleNotFoundError: If that package, or one that the config inherits
            from, is not installed.
    """
    check_installed(name)
    try:
        cfg = get_config(name) if '::' in name else Config.fromfile(name)
    except ModuleNotFoundError as error:
        if error.name is not None:  # what a config imports, not inherits
            raise
        raise ModuleNotFoundError(
            f'{name} cannot be read, since it inherits from another package: '
            f'{error}. (Recipes for detection need mmdet, for segmentation '
            'mmsegmentation, and both the full mmcv in place of mmcv-lite.)'
        ) from error
    check_assignments(cfg)
    return override(cfg, options) if options else cfg


def load_config(args: argparse.Namespace) -> Config:
    """The config of the arguments, with their overrides merged.

    Args:
        args (argparse.Namespace): Arguments that :func:`add_config_arguments`
            added, parsed.

    Returns:
        Config: With ``launcher`` and ``work_dir`` set, and the type of the
        data preprocessor.

    Raises:
        ModuleNotFoundError, ValueError: As of :func:`read_config`.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    load_always_safely()  # --resume and load_from run no code of a file's
    try:
        cfg = read_config(args.config, args.cfg_options)
    except ValueError as error:
        if (getattr(args, 'mix_cc', None) is None
                or OBJECTIVE.keys().isdisjoint(args.cfg_options or {})):
            raise
        raise ValueError(
            f'{error} Settings of what --mix-cc adds are given to it: '
            '--mix-cc loss_weight=… kernel.gamma=… kernel.order=… '
            'samples_per_class=….') from error
    fill_in_preprocessor(cfg)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('./work_dirs', name)
    return cfg
