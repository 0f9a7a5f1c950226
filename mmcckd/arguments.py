"""Arguments that several command lines in ``tools/`` have in common.

Importing this module imports neither PyTorch nor OpenMMLab's packages, which
takes seconds. ``--help`` and errors in the arguments then need none of them.
"""
import argparse

# The arguments of mix_cc() and of StoreSettings, without the first.
MIX_CC_KEYS = ('source', 'connector', 'kernel', 'loss_weight', 'sampler',
               'samples_per_class', 'student_projection', 'data_idx')
TEACHER_STORE_KEYS = ('views', 'seed', 'dtype', 'top_k')


class OptionsAction(argparse.Action):
    """Parse ``key=value …`` into a dict of Python values."""

    def __call__(self, parser, namespace, values, option_string=None):
        from mmcckd.config_files.option_values import parse_value
        options = dict(getattr(namespace, self.dest) or {})
        for value in values:
            key, equals, text = value.partition('=')
            if not equals:
                parser.error(
                    f'{option_string} expects key=value, but got {value!r}; '
                    f'put the config file before {option_string}.')
            try:
                options[key] = parse_value(text)
            except ValueError as error:
                parser.error(f'{option_string} {key}: {error}')
        setattr(namespace, self.dest, options)


class TeacherStoreAction(OptionsAction):
    """Parse ``PATH key=value …`` into a dict."""

    def __call__(self, parser, namespace, values, option_string=None):
        path, *settings = values
        if '=' in path and path.partition('=')[0] in TEACHER_STORE_KEYS:
            parser.error(f'{option_string} expects the folder of the store '
                         f'before key=value, but got {path!r}.')
        super().__call__(parser, namespace, settings, option_string)
        getattr(namespace, self.dest)['path'] = path


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that all tools with a config have in common."""
    parser.add_argument(
        'config',
        help='path of a config file, or package::path for a config of a '
        'package')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints; defaults to the work_dir of '
        'the config, or else to work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        help='override entries of the config with key=value. Lists are '
        'written as key="[a,b]" or key=a,b, nested lists as '
        'key="[(a,b),(c,d)]", with quotation marks and without spaces; a '
        'single value may contain spaces')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='launcher that started the processes of a distributed run')
    # torch.distributed.launch passes --local-rank; old versions --local_rank.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0,
        help=argparse.SUPPRESS)


def add_loader_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for data loading."""
    parser.add_argument(
        '--no-pin-memory',
        action='store_true',
        help='do not use page-locked memory, which speeds up the transfer of '
        'batches to a GPU')
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='end the processes that load data after each epoch')


def add_mixing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that change the distillation of a recipe."""
    parser.add_argument(
        '--mix-cc',
        nargs='*',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='add the correlation congruence loss to the recipe, after '
        f'--cfg-options were applied. Keys: {", ".join(MIX_CC_KEYS)}; nested '
        'keys are written as kernel.gamma=0.4')
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
        f'{", ".join(TEACHER_STORE_KEYS)}; views defaults to the number of '
        'epochs')
