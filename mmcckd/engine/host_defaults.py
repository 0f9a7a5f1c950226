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


def fill_in_loaders(cfg: Config, args: argparse.Namespace) -> None:
    """Fill in how data are loaded, where the config does not say.

    That is ``pin_memory`` where there is a GPU, ``persistent_workers`` where
    there are workers, and ``collate_fn``; not in configs of packages other
    than MMPretrain, by their ``default_scope``.

    Args:
        cfg (Config): The config; it is changed.
        args (argparse.Namespace): Arguments that :func:`add_loader_arguments`
            added, parsed. ``--no-…`` prevails over the config.
    """
    for name in LOADERS:
        loader = cfg.get(name)
        if not isinstance(loader, dict) or not loader:
            continue
        if _is_of_mmpretrain(cfg):
            loader.setdefault('pin_memory', torch.cuda.is_available())
            loader.setdefault('persistent_workers', True)
            loader.setdefault('collate_fn', dict(type='default_collate'))
        if args.no_pin_memory:
            loader.pin_memory = False
        # Without workers, torch refuses persistent ones.
        if args.no_persistent_workers or not loader.get('num_workers'):
            loader.persistent_workers = False


def fill_in_preprocessor(cfg: Config) -> None:
    """Fill in the type of the data preprocessor of a distillation.

    MMPretrain's classifiers do so themselves, MMRazor's algorithms do not.

    Args:
        cfg (Config): The config; it is changed.
    """
    model = cfg.get('model') or {}
    if not _is_of_mmpretrain(cfg) or 'architecture' not in model:
        return
    for config in (model, cfg):
        preprocessor = config.get('data_preprocessor')
        if isinstance(preprocessor, dict):
            preprocessor.setdefault('type', 'mmpretrain.ClsDataPreprocessor')


def _is_of_mmpretrain(cfg: Config) -> bool:
    return cfg.get('default_scope') in ('mmpretrain', 'mmcls')
