"""Draw rank lists of a re-identification model.

    python tools/visualise_reid.py CONFIG CKPT --queries 8 --out look

This writes look.png and look.html with queries and their nearest gallery
entries. Matches have a green frame and ✓, other persons a red frame and ✗.
The entries that the protocol drops are shown below. The first line has mAP and
rank-1 of the complete test set.

    python tools/visualise_reid.py configs/cckd/r50_r18_msmt17.py CKPT \\
        --teacher --compare alone configs/baseline/r18_msmt17.py CKPT

This shows the teacher, the student trained alone and the CCKD student below
each other.
"""
import argparse
import sys
from pathlib import Path
from typing import List

from mmengine.config import Config

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.arguments import OptionsAction
from mmcckd.compat.mmengine_checkpoints import load_always_safely
from mmcckd.engine.config_arguments import read_config
from mmcckd.files.atomic import check_writable
from mmcckd.reid.visualization import (
    MAX_ROWS,
    ReIDModel,
    write_page,
    write_picture,
)

NUM_QUERIES = 8


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'config',
        help='config of a distillation (its student is shown), of a model '
        'that is trained alone, or of an exported student: a file or '
        'package::path')
    parser.add_argument('checkpoint', help='checkpoint of the model')
    parser.add_argument(
        '--teacher',
        nargs='?',
        const=True,
        metavar='CKPT',
        help='also show the teacher of the config, by default with the '
        'checkpoint model.teacher_ckpt')
    parser.add_argument(
        '--compare',
        nargs=3,
        action='append',
        default=[],
        metavar=('NAME', 'CONFIG', 'CKPT'),
        help='also show another model; may be given several times')
    parser.add_argument(
        '--queries',
        type=positive,
        metavar='N',
        help='number of queries, which are selected at random; defaults to '
        f'{NUM_QUERIES}, or to all of --query-ids and --query-images')
    parser.add_argument(
        '--query-ids',
        type=int,
        nargs='+',
        default=[],
        metavar='ID',
        help='select queries of these persons')
    parser.add_argument(
        '--query-images',
        nargs='+',
        default=[],
        metavar='IMAGE',
        help='select these queries, given by file names or paths')
    parser.add_argument(
        '--topk',
        type=positive,
        default=10,
        metavar='K',
        help='number of gallery entries for each query; defaults to 10')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='random seed of the selection; defaults to 0')
    parser.add_argument(
        '--out',
        metavar='FOLDER/PREFIX',
        help='write PREFIX.png and PREFIX.html in FOLDER; defaults to '
        'retrieval.png and retrieval.html in the work dir of CONFIG')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace existing files')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default={},
        help='override entries of all configs, as key=value')
    args = parser.parse_args()
    if args.seed < 0:
        parser.error('--seed must not be negative')
    return args


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text} is not at least 1')
    return number


def main() -> None:
    args = parse_args()
    load_always_safely()  # what a config names beside the checkpoint
    cfg = read_config(args.config, args.cfg_options)
    work_dir = cfg.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
    files = output_files(args.out or f'{work_dir}/retrieval', args.overwrite)
    models = build_models(cfg, args)
    test_set = models[-1].test_set
    for model in models[:-1]:
        model.test_set.check_same(test_set, model.name, models[-1].name)

    number = args.queries
    if number is None and not args.query_ids and not args.query_images:
        number = NUM_QUERIES
    queries = test_set.choose(number, args.query_ids, args.query_images,
                              args.seed)
    if len(queries) < (args.queries or 0):
        print(f'--queries {args.queries}: there are only {len(queries)} '
              'queries. All of them are shown.')
    if len(queries) * len(models) > MAX_ROWS:
        raise ValueError(
            f'{len(queries):,} queries of {len(models)} models are '
            f'{len(queries) * len(models):,} rows, but a picture can show at '
            f'most {MAX_ROWS}. Give --queries {MAX_ROWS // len(models)} or '
            'less.')

    searches = []
    for model in models:
        print(f'{model.name}: features of {len(test_set.paths):,} images',
              flush=True)
        search = model.search(queries, args.topk)
        print(', '.join(f'{name} {value:.4f}'
                        for name, value in search.metrics.items()))
        searches.append(search)
    for file, write in zip(files, (write_picture, write_page)):
        write(file, models[-1].loader.dataset, test_set, queries, searches)
    print('\n'.join(['Written:', *map(str, files)]))


def build_models(cfg: Config, args: argparse.Namespace) -> List[ReIDModel]:
    """Build the teacher, the models of --compare, and the model of CONFIG."""
    names = ['teacher'] if args.teacher else []
    names += [name for name, _, _ in args.compare] + [Path(args.config).stem]
    if len(set(names)) < len(names):
        raise ValueError('The models must have different names, but have '
                         f'{", ".join(names)}. Give other NAMEs.')
    models = []
    if args.teacher:
        checkpoint = args.teacher
        if checkpoint is True:
            checkpoint = cfg.model.get('teacher_ckpt')
        if checkpoint is None and 'teacher' in cfg.model:
            raise ValueError(f'{args.config} has no model.teacher_ckpt. Give '
                             '--teacher CKPT.')
        models.append(ReIDModel('teacher', cfg, checkpoint, teacher=True))
    for name, config, checkpoint in args.compare:
        compared = read_config(config, args.cfg_options)
        models.append(ReIDModel(name, compared, checkpoint))
    models.append(ReIDModel(names[-1], cfg, args.checkpoint))
    return models


def output_files(out: str, overwrite: bool) -> List[Path]:
    """The output files, after a check that they can be written."""
    stem = Path(out)
    if stem.suffix in ('.png', '.html'):
        stem = stem.with_suffix('')
    files = [stem.with_name(stem.name + end) for end in ('.png', '.html')]
    for file in files:
        if file.is_dir():
            raise ValueError(f'{file} is a folder. Give another --out.')
        if file.exists() and not overwrite:
            raise FileExistsError(f'{file} exists and is not overwritten. '
                                  'Give another --out, or --overwrite.')
    check_writable(stem)
    return files


if __name__ == '__main__':
    try:
        main()
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f'visualise_reid: {type(error).__name__}: {error}')
