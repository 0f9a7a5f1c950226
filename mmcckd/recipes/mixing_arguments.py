"""The command line arguments that change the distillation of a recipe."""
import argparse
import difflib

from mmengine.config import Config

from mmcckd.arguments import MIX_CC_KEYS

from .frozen import frozen_teacher
from .mixing import KERNEL, mix_cc
from .stored import teacher_store


def mix(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply ``--mix-cc``, ``--frozen-teacher`` and ``--teacher-store``.

    Args:
        cfg (Config): The recipe. It is not changed.
        args (argparse.Namespace): Parsed arguments, among them those of
            :func:`.add_mixing_arguments`.

    Returns:
        Config: The new recipe, or ``cfg`` without these arguments.

    Raises:
        ValueError: If a key is not an argument of :func:`.mix_cc`. See also
            :func:`.mix_cc`, :func:`.frozen_teacher` and
            :func:`.teacher_store`.
    """
    if args.mix_cc is not None:
        cfg = mix_cc(cfg, **_mix_cc_arguments(args.mix_cc))
    if args.frozen_teacher:
        cfg = frozen_teacher(cfg)
    if args.teacher_store is not None:
        cfg = teacher_store(cfg, **_nested(args.teacher_store))
    return cfg


def _mix_cc_arguments(options: dict) -> dict:
    """Convert options ``key.key=value`` to nested arguments of ``mix_cc``.

    If settings of the kernel are given without its type, the default type is
    used.
    """
    for key in options:
        name = key.partition('.')[0]
        if name not in MIX_CC_KEYS:
            near = difflib.get_close_matches(name, MIX_CC_KEYS, n=1)
            raise ValueError(
                f'--mix-cc has no {name!r}' +
                (f'; did you mean {near[0]!r}?' if near else '.') +
                f' Its keys are {", ".join(MIX_CC_KEYS)}.')
    has_kernel = any(key.startswith('kernel.') for key in options)
    return _nested(options, **dict(kernel=KERNEL) if has_kernel else {})


def _nested(options: dict, **defaults) -> dict:
    """Convert options ``key.key=value`` to nested dicts."""
    arguments = Config(defaults)
    arguments.merge_from_dict(options)
    return arguments.to_dict()
