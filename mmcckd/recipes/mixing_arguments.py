"""``--mix-cc`` and ``--frozen-teacher`` on a command line."""
import argparse
import difflib
import inspect

from mmengine.config import Config, DictAction

from .frozen import frozen_teacher
from .mixing import KERNEL, mix_cc

ALLOWED = list(inspect.signature(mix_cc).parameters)[1:]


class MixingAction(DictAction):
    """``key=value …`` into a dict; with a message for what is neither."""

    def __call__(self, parser, namespace, values, option_string=None):
        for value in values:
            if '=' not in value:
                parser.error(
                    f'{option_string} takes key=value, but got {value!r}; a '
                    'config file goes before it.')
        super().__call__(parser, namespace, values, option_string)


def add_mixing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that change a recipe as a whole."""
    parser.add_argument(
        '--mix-cc',
        nargs='*',
        action=MixingAction,
        metavar='KEY=VALUE',
        help='add the correlation congruence loss to the recipe, after '
        f'--cfg-options were applied. Keys: {", ".join(ALLOWED)}; nested ones '
        'as kernel.gamma=0.4')
    parser.add_argument(
        '--frozen-teacher',
        action='store_true',
        help='have the teacher evaluated alone, which is faster: '
        'FrozenTeacherDistill in place of SingleTeacherDistill')


def mix(cfg: Config, args: argparse.Namespace) -> Config:
    """The recipe, changed as the arguments say.

    Args:
        cfg (Config): The recipe; it is left as it is.
        args (argparse.Namespace): Arguments that :func:`add_mixing_arguments`
            added, parsed.

    Raises:
        ValueError: If a key is none of :func:`.mix_cc`, or as it and
            :func:`.frozen_teacher` say.
    """
    if args.mix_cc is not None:
        cfg = mix_cc(cfg, **_mix_cc_arguments(args.mix_cc))
    if args.frozen_teacher:
        cfg = frozen_teacher(cfg)
    return cfg


def _mix_cc_arguments(options: dict) -> dict:
    """Nested arguments of ``key.key=value``; of a kernel's settings alone, the
    type is the default."""
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
