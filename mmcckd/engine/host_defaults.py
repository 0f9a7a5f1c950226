"""Defaults that MMPretrain's tools add to its configs."""
import argparse

import torch
from mmengine.config import Config

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def fill_in_loaders(cfg: Config, args: argparse.Namespace) -> None:
    """Set defaults of the data loaders that the config does not set.

    These are ``pin_memory`` if there is a GPU, ``persistent_workers`` if there
    are workers, and ``collate_fn``. They are only set in configs with the
    ``default_scope`` of MMPretrain.

    Args:
        cfg (Config): The config; it is changed.
        args (argparse.Namespace): Parsed arguments, among them those of
            :func:`.add_loader_arguments`. ``--no-…`` overrides the config.
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
        # PyTorch raises an error for persistent workers without workers.
        if args.no_persistent_workers or not loader.get('num_workers'):
            loader.persistent_workers = False


def fill_in_preprocessor(cfg: Config) -> None:
    """Set the default type of the data preprocessor of a distillation.

    MMPretrain's classifiers have this default, MMRazor's algorithms do not.

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
