"""Fill a teacher store before the training.

Runs the teacher on all views of all samples that the store lacks. Runs that
use the store then train without the teacher. An interrupted run continues
where it stopped when it is started again.

    python tools/store_teacher.py CONFIG --teacher-store PATH views=10

CONFIG, --mix-cc, --frozen-teacher and --teacher-store are those of the
training.
"""
import argparse
import sys

from mmengine.dist import is_main_process

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.arguments import (
    add_config_arguments,
    add_loader_arguments,
    add_mixing_arguments,
)
from mmcckd.datasets.imagenet_layout import check_imagenet_layout
from mmcckd.datasets.loaders import check_loader
from mmcckd.engine import fill_teacher_store, init_distributed, load_config
from mmcckd.engine.host_defaults import fill_in_loaders
from mmcckd.lost_ranks import explain_lost_rank
from mmcckd.progress_bar import CoarseProgressBar
from mmcckd.recipes.mixing_arguments import mix
from mmcckd.teacher_store import TeacherStore


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    add_loader_arguments(parser)
    add_mixing_arguments(parser)
    parser.add_argument(
        '--check',
        action='store_true',
        help='instead of filling the store, compare its rows with their '
        'checksums, and mark damaged rows as missing')
    args = parser.parse_args()
    if args.check and args.launcher != 'none':
        parser.error('--check runs in a single process, without --launcher')
    return args


def main() -> None:
    args = parse_args()
    cfg = mix(load_config(args), args)
    if not cfg.get('model', {}).get('teacher_store'):
        raise ValueError(
            f'{args.config} has no model.teacher_store; give the folder of '
            'the store: --teacher-store PATH.')
    if args.check:
        check(cfg.model.teacher_store.path)
        return
    fill_in_loaders(cfg, args)
    check_loader(cfg, 'train_dataloader')
    check_imagenet_layout(cfg.train_dataloader.dataset)
    init_distributed(args.launcher, cfg)
    store = fill_teacher_store(cfg).stored_teacher.store
    if is_main_process():
        show(store)


def check(path: str) -> None:
    """Verify all rows, and mark those that are damaged as missing."""
    store = TeacherStore.open(path)
    rows = store.views * store.num_samples
    damaged = store.check(CoarseProgressBar(rows * len(store.layouts)).update)
    show(store)
    found = ', '.join(f'{source} {number:,}'
                      for source, number in damaged.items() if number)
    if found:
        sys.exit(f'Damaged rows, now marked as missing: {found}. This tool '
                 'without --check, or a training, stores them again.')
    print('No row is damaged.')


def show(store: TeacherStore) -> None:
    """Print how many rows are stored."""
    rows = store.views * store.num_samples
    print(f'Teacher store {store.path}')
    for source, filled in store.filled().items():
        print(f'{source}: {round(filled * rows):,} of {rows:,} rows stored')


if __name__ == '__main__':
    try:
        main()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        message = f'store_teacher: {type(error).__name__}: {error}'
        sys.exit(f'{message}\n{explain_lost_rank(error)}'.rstrip())
    except KeyboardInterrupt:
        sys.exit('store_teacher: interrupted; the same command continues')
