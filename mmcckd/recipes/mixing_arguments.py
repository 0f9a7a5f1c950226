"""The command line arguments ``--mix-cc`` and ``--frozen-teacher``."""
import argparse
import difflib
import inspect

from mmengine.config import Config, DictAction

from .frozen import frozen_teacher
from .mixing import KERNEL, mix_cc

ALLOWED = list(inspect.signature(mix_cc).parameters)[1:]


class MixingAction(DictAction):
    """Parse ``key=value …`` into a dict, with an error for other values."""

    def __call__(self, parser, namespace, values, option_string=None):
        for value in values:
            if '=' not in value:
                parser.error(
                    f'{option_string} expects key=value, but got {value!r}; '
                    f'put the config file before {option_string}.')
        super().__call__(parser, namespace, values, option_string)


def add_mixing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that change the distillation of a recipe."""
    parser.add_argument(
        '--mix-cc',
        nargs='*',
        action=MixingAction,
        metavar='KEY=VALUE',
        help='add the correlation congruence loss to the recipe, after '
        f'--cfg-options were applied. Keys: {", ".join(ALLOWED)}; nested keys '
        'are written as kernel.gamma=0.4')
    parser.add_argument(
        '--frozen-teacher',
        action='store_true',
        help='use FrozenTeacherDistill instead of SingleTeacherDistill, which '
        'is faster and needs less memory')


def mix(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply ``--mix-cc`` and ``--frozen-teacher`` to a recipe.

    Args:
        cfg (Config): The recipe. It is not changed.
        args (argparse.Namespace): Parsed arguments, among them those of
            :func:`add_mixing_arguments`.

    Returns:
        Config: The new recipe, or ``cfg`` without these arguments.

    Raises:
        ValueError: If a key is not an argument of :func:`.mix_cc`. See also
            :func:`.mix_cc` and :func:`.frozen_teacher`.
    """
    if args.mix_cc is not None:
        cfg = mix_cc(cfg, **_mix_cc_arguments(args.mix_cc))
    if args.frozen_teacher:
        cfg = frozen_teacher(cfg)
    return cfg


def _mix_cc_arguments(options: dict) -> dict:
    """Convert options ``key.key=value`` to nested arguments of ``mix_cc``.

    If settings of the kernel are given without its type, the default type is
    used.
    """
    for key in options:
        name = key.partition('.')[0]
        if name not in ALLOWED:
            near = difflib.get_close_matches(name, ALLOWED, n=1)
            raise ValueError(
                f'--mix-cc has no {name!r}' +
                (f'; did you mean {near[0]!r}?' if near else '.') +
                f' Its keys are {", ".join(ALLOWED)}.')
    has_kernel = any(key.startswith('kernel.') for key in options)
    arguments = Config(dict(kernel=KERNEL) if has_kernel else dict())
    arguments.merge_from_dict(options)
    return arguments.to_dict()
