"""Cluster a teacher's features of the training set into superclasses.

Writes the file that SURSampler reads. CONFIG is the config of a distillation
or of the teacher itself. The features are kept beside the file, so that
clustering into another number of superclasses does not run the teacher again.
An interrupted run continues where it stopped when it is started again.
"""
import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_dist_info
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from torch.utils.data import Dataset

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets.samplers.cur_sampler import get_labels
from mmcckd.engine import add_config_arguments, init_distributed, load_config
from mmcckd.engine.teacher_store_identity import (
    dataset_identity,
    images_identity,
    teacher_identity,
)
from mmcckd.files.atomic import check_writable
from mmcckd.models.find_module import find_module
from mmcckd.superclasses import (
    FeatureFile,
    Superclasses,
    cluster_features,
    extract_features,
    fingerprint_dataset,
)
from mmcckd.superclasses.cluster_quality import describe
from mmcckd.superclasses.clustering import (
    ALGORITHMS,
    check_num_clusters,
    choose_algorithm,
)
from mmcckd.superclasses.extraction_config import (
    build_teacher,
    build_training_set,
    checkpoint_sha256,
    preprocessor_config,
    teacher_config,
    training_set_config,
)
from mmcckd.superclasses.recorded_feature import recorded_module
from mmcckd.superclasses.stored_features import copy_features
from mmcckd.superclasses.superclass_page import write_pictures
from mmcckd.superclasses.superclass_picture import Overview
from mmcckd.teacher_store import TeacherStore
from mmcckd.teacher_store.identity import differences


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint of the teacher')
    parser.add_argument(
        '--num-superclasses',
        type=int,
        required=True,
        metavar='N',
        help='number of superclasses')
    parser.add_argument(
        '--out',
        help='the superclass file, .npz; defaults to superclasses.npz in the '
        'work dir. A page, a picture and the features are written next to it')
    parser.add_argument(
        '--module',
        help="the teacher's module whose output is the feature; defaults to "
        'the module that the CC loss compares, or else "neck"')
    parser.add_argument(
        '--algorithm',
        choices=ALGORITHMS,
        default='auto',
        help='k-means algorithm; auto takes MiniBatchKMeans above 64 MiB')
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of k-means; defaults to 0')
    parser.add_argument(
        '--dtype',
        choices=['float16', 'float32'],
        default='float16',
        help='type of the features on disk; defaults to float16')
    parser.add_argument(
        '--teacher-store',
        metavar='PATH',
        help='read the features from a teacher store, instead of running the '
        'teacher. The store must be that of a training with the test pipeline')
    parser.add_argument(
        '--skip-unreadable',
        action='store_true',
        help='leave out images that cannot be read')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a superclass file that was made with other settings')
    args = parser.parse_args()
    if not 0 <= args.seed < 2**32:
        parser.error('--seed must be between 0 and 2**32 - 1')
    return args


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    out = Path(args.out or os.path.join(cfg.work_dir, 'superclasses.npz'))
    init_distributed(args.launcher, cfg)
    rank, _ = get_dist_info()
    if rank == 0:
        if out.suffix != '.npz' or out.is_dir():
            raise ValueError(f'--out {out} must be a file named *.npz.')
        check_writable(out)

    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    dataset = build_training_set(cfg)
    check_num_clusters(args.num_superclasses, len(dataset))
    teacher, preprocessor = build_teacher(cfg, args.checkpoint)
    recorded = dict(module=args.module, record_idx=0, data_idx=None)
    if args.module is None:
        recorded = recorded_module(cfg)
    find_module(teacher, recorded['module'], 'teacher')
    store = None
    if args.teacher_store is not None:
        store = open_store(args.teacher_store, cfg, teacher, dataset)

    features = origin = None
    if rank == 0:
        origin = dict(
            dataset=fingerprint_dataset(dataset),
            teacher_sha256=checkpoint_sha256(args.checkpoint),
            module=recorded['module'])
        job = dict(
            origin,
            **recorded,
            teacher=teacher_config(cfg),
            preprocessor=preprocessor_config(cfg),
            training_set=training_set_config(cfg))
        if teacher._forward_pre_hooks:  # files of earlier versions lack this
            job['images'] = 'converted for the teacher'
        if store is not None:
            job['teacher_store'] = store.identity
        features = FeatureFile(out.parent, job, len(dataset), args.dtype)
        origin.update(
            features=features.digest,
            seed=args.seed,
            num_superclasses=args.num_superclasses)
        if args.algorithm != 'auto':
            origin['algorithm'] = args.algorithm
        check_replaceable(out, origin, args)
        print(f'Features of {len(dataset):,} samples: {features.path}')

    if store is None:
        loader = cfg.get('test_dataloader') or cfg.val_dataloader
        device = get_device()
        extract_features(
            teacher.to(device),
            preprocessor.to(device),
            dataset,
            features,
            **recorded,
            batch_size=loader.batch_size,
            num_workers=loader.get('num_workers', 0),
            skip_unreadable=args.skip_unreadable)
    elif rank == 0:
        copy_features(store, features, **recorded)
    if rank == 0:
        origin['algorithm'] = choose_algorithm(args.algorithm, features.read())
        check_replaceable(out, origin, args)
        superclasses = cluster(features, origin, args)
        superclasses.save(out)
        show(superclasses, features, dataset, out)


def open_store(path: str, cfg: Config, teacher: BaseModel,
               dataset: Dataset) -> TeacherStore:
    """Open a teacher store, if it belongs to this teacher and data set."""
    store = TeacherStore.open(path)
    shape = dataset[0]['inputs'].shape
    own = dict(
        teacher=teacher_identity(teacher, cfg.model.get('teacher_dtype')),
        images=images_identity(teacher, teacher.data_preprocessor, shape),
        dataset=dataset_identity(dataset))
    differ = differences({name: store.identity.get(name)
                          for name in own}, own)
    if differ:
        raise ValueError(
            f'The teacher store {path} belongs to something else than this '
            f'clustering: {"; ".join(differ)}. The features of the training '
            'set are clustered with the test pipeline; remove --teacher-store '
            'to run the teacher.')
    return store


def cluster(features: FeatureFile, origin: dict,
            args: argparse.Namespace) -> Superclasses:
    print(
        f'Clustering into {args.num_superclasses:,} superclasses', flush=True)
    clusters = cluster_features(features.read(), args.num_superclasses,
                                origin['algorithm'], args.seed,
                                features.unreadable)
    meta = dict(
        origin,
        inertia=clusters.inertia,
        sizes=clusters.sizes.tolist())
    return Superclasses(clusters.labels, clusters.centroids, meta)


def show(superclasses: Superclasses, features: FeatureFile, dataset,
         out: Path) -> None:
    """Print statistics, and write the page and the picture."""
    names = getattr(dataset, 'metainfo', {}).get('classes')
    try:
        classes = get_labels(dataset)
        if classes.dtype.kind not in 'iu' or classes.min() < 0:
            names, classes = np.unique(classes, return_inverse=True)
    except (TypeError, ValueError):
        classes = None  # superclasses need no classes
    figures = describe(superclasses.labels, features.read(), classes)
    print('sizes: {smallest} to {largest}, median {median:g}'.format(
        **figures))
    if classes is not None:
        print('purity {purity:.3f}, normalized mutual information '
              '{nmi:.3f}'.format(**figures))
    print(f'silhouette {figures["silhouette"]:.3f} (on a sample)')
    pictures = write_pictures(
        Overview(superclasses, figures, dataset, classes, names),
        str(out.with_suffix('')))
    print('\n'.join(['Written:', str(out), *pictures]))


def check_replaceable(out: Path, origin: dict,
                      args: argparse.Namespace) -> None:
    """Raise an error if a file exists that this run would not make again."""
    if args.overwrite or not out.exists():
        return
    try:
        meta = Superclasses.load(out).meta
    except ValueError as error:
        raise ValueError(f'{out} exists, but is not a superclass file that '
                         'this tool can read, so it is left alone; give '
                         'another --out, or --overwrite.') from error
    differ = [name for name in origin if meta.get(name) != origin[name]]
    if differ:
        there = json.dumps({name: meta.get(name) for name in differ})
        raise ValueError(
            f'{out} exists and was made with other settings, {there}, so it '
            'is left alone; give another --out, or --overwrite.')


if __name__ == '__main__':
    try:
        main()
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f'cluster_superclasses: {type(error).__name__}: {error}')
