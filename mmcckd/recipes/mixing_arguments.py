"""The command line arguments that change the distillation of a recipe."""
import argparse
import difflib
import inspect
from dataclasses import fields

from mmengine.config import Config, DictAction

from mmcckd.teacher_store import StoreSettings

from .frozen import frozen_teacher
from .mixing import KERNEL, mix_cc
from .stored import teacher_store

ALLOWED = list(inspect.signature(mix_cc).parameters)[1:]
SETTINGS = [field.name for field in fields(StoreSettings)
            if field.name != 'path']


class MixingAction(DictAction):
    """Parse ``key=value …`` into a dict, with an error for other values."""

    def __call__(self, parser, namespace, values, option_string=None):
        for value in values:
            if '=' not in value:
                parser.error(
                    f'{option_string} expects key=value, but got {value!r}; '
                    f'put the config file before {option_string}.')
        super().__call__(parser, namespace, values, option_string)


class TeacherStoreAction(MixingAction):
    """Parse ``PATH key=value …`` into a dict."""

    def __call__(self, parser, namespace, values, option_string=None):
        path, *settings = values
        if '=' in path and path.partition('=')[0] in SETTINGS:
            parser.error(f'{option_string} expects the folder of the store '
                         f'before key=value, but got {path!r}.')
        super().__call__(parser, namespace, settings, option_string)
        getattr(namespace, self.dest)['path'] = path


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
    parser.add_argument(
        '--teacher-store',
        nargs='+',
        action=TeacherStoreAction,
        metavar=('PATH', 'KEY=VALUE'),
        help='folder in which the outputs of the teacher are stored, so that '
        'it does not run again for views of samples that are stored. Keys: '
        f'{", ".join(SETTINGS)}; views defaults to the number of epochs')


def mix(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply ``--mix-cc``, ``--frozen-teacher`` and ``--teacher-store``.

    Args:
        cfg (Config): The recipe. It is not changed.
        args (argparse.Namespace): Parsed arguments, among them those of
            :func:`add_mixing_arguments`.

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
        if name not in ALLOWED:
            near = difflib.get_close_matches(name, ALLOWED, n=1)
            raise ValueError(
                f'--mix-cc has no {name!r}' +
                (f'; did you mean {near[0]!r}?' if near else '.') +
                f' Its keys are {", ".join(ALLOWED)}.')
    has_kernel = any(key.startswith('kernel.') for key in options)
    return _nested(options, **dict(kernel=KERNEL) if has_kernel else {})


def _nested(options: dict, **defaults) -> dict:
    """Convert options ``key.key=value`` to nested dicts."""
    arguments = Config(defaults)
    arguments.merge_from_dict(options)
    return arguments.to_dict()
