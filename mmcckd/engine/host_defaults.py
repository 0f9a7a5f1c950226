"""What MMPretrain's tools fill in, and so its configs leave out."""
import argparse

import torch
from mmengine.config import Config

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def add_loader_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments about how data are loaded."""
    parser.add_argument(
        '--no-pin-memory',
        action='store_true',
        help='do not keep batches in page-locked memory, from which a GPU '
        'takes them faster')
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='end the processes that load data after each epoch')


def fill_in(cfg: Config, args: argparse.Namespace) -> None:
    """Fill in what a config of MMPretrain's leaves to the tools.

    That is ``pin_memory`` where there is a GPU, ``persistent_workers`` where
    there are workers, and ``collate_fn``; and the type of the data
    preprocessor, which classifiers fill in themselves, but MMRazor's
    algorithms do not. What the config says is left as it is. Configs of other
    packages, as their ``default_scope`` says, are not changed.

    Args:
        cfg (Config): The config; it is changed.
        args (argparse.Namespace): Arguments that :func:`add_loader_arguments`
            added, parsed. ``--no-…`` prevails over the config.
    """
    is_mmpretrain = cfg.get('default_scope') in ('mmpretrain', 'mmcls')
    for name in LOADERS:
        loader = cfg.get(name)
        if not isinstance(loader, dict) or not loader:
            continue
        if is_mmpretrain:
            loader.setdefault('pin_memory', torch.cuda.is_available())
            loader.setdefault('persistent_workers', True)
            loader.setdefault('collate_fn', dict(type='default_collate'))
        if args.no_pin_memory:
            loader.pin_memory = False
        # Without workers, torch refuses persistent ones.
        if args.no_persistent_workers or not loader.get('num_workers'):
            loader.persistent_workers = False

    model = cfg.get('model') or {}
    if is_mmpretrain and 'architecture' in model:
        for preprocessor in (model.get('data_preprocessor'),
                             cfg.get('data_preprocessor')):
            if isinstance(preprocessor, dict):
                preprocessor.setdefault('type',
                                        'mmpretrain.ClsDataPreprocessor')
