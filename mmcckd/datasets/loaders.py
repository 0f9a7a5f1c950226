"""Check the configs of data loaders."""
import logging

from mmengine.config import Config
from mmengine.logging import print_log

from mmcckd.config_files.component_types import bare_type

# Samplers that draw batches by groups: they repeat and omit some samples.
BY_GROUPS = ('CURSampler', 'SURSampler')


def check_loader(cfg: Config, name: str) -> None:
    """Raise an error or warn if the config of a data loader is wrong.

    For these configs, the errors of PyTorch or MMEngine are hard to
    understand, or there are none.

    Args:
        cfg (Config): The recipe.
        name (str): "train_dataloader", "val_dataloader" or "test_dataloader".
            The recipe must have this key.

    Raises:
        ValueError: If a key is missing, two keys exclude each other, an epoch
            would not end, or an evaluation would repeat or omit samples.
    """
    loader = cfg[name]
    if 'dataset' not in loader:
        raise ValueError(f'{name} has no dataset; set dataset=dict(type=…).')
    if loader.get('batch_sampler'):
        _check_beside_batch_sampler(name, loader)
    else:
        _check_without_batch_sampler(name, loader)
    if name == 'train_dataloader':
        _check_training(loader, cfg.get('train_cfg') or {})
    else:
        _check_each_sample_is_evaluated_once(name, loader)


def _check_beside_batch_sampler(name: str, loader: dict) -> None:
    kind = bare_type(loader['batch_sampler'])
    for key in ('drop_last', 'shuffle'):
        if loader.get(key):
            raise ValueError(
                f'{name} has both {key}={loader[key]} and the batch_sampler '
                f'{kind}, which alone determines the batches. Remove {key}, '
                f'or set {key}=False in a config that inherits it.' +
                (f' All batches of {kind} are full.'
                 if kind in BY_GROUPS and key == 'drop_last' else ''))
    if 'batch_size' not in loader:
        raise ValueError(f'{name} has the batch_sampler {kind}, but no '
                         'batch_size; set it, such as batch_size=64.')


def _check_without_batch_sampler(name: str, loader: dict) -> None:
    if loader.get('shuffle') and loader.get('sampler'):
        raise ValueError(
            f'{name} has both shuffle=True and a sampler; only the sampler '
            "can shuffle. Set sampler=dict(type='DefaultSampler', "
            'shuffle=True), and remove shuffle.')
    if 'batch_size' not in loader:
        _warn(f'{name} has no batch_size: each batch is a single sample. '
              'Set it, such as batch_size=64.')


def _check_training(loader: dict, loop: dict) -> None:
    sampler = loader.get('sampler') or {}
    by_epoch = loop.get('by_epoch', bare_type(loop) == 'EpochBasedTrainLoop')
    if by_epoch and bare_type(sampler) == 'InfiniteSampler':
        raise ValueError(
            'train_dataloader has the sampler InfiniteSampler, but train_cfg '
            'counts epochs: the first epoch would never end. Set '
            "sampler=dict(type='DefaultSampler', shuffle=True), or count "
            'iterations with train_cfg=dict(by_epoch=False, max_iters=…).')
    shuffles = sampler.get('shuffle', True) if sampler else loader.get(
        'shuffle', False)
    if not shuffles and not loader.get('batch_sampler'):
        _warn('train_dataloader does not shuffle: all epochs have the same '
              'order of samples, and if the data are sorted, each batch '
              "contains one class. Set sampler=dict(type='DefaultSampler', "
              'shuffle=True).')


def _check_each_sample_is_evaluated_once(name: str, loader: dict) -> None:
    kind = bare_type(loader.get('batch_sampler') or {})
    if kind in BY_GROUPS:
        raise ValueError(
            f'{name} has the batch_sampler {kind}, which repeats some samples '
            'and omits others, so the metrics would be wrong. Remove it; use '
            'it only in train_dataloader.')
    if bare_type(loader.get('sampler') or {}) == 'InfiniteSampler':
        raise ValueError(
            f'{name} has the sampler InfiniteSampler, so the evaluation would '
            "never end. Set sampler=dict(type='DefaultSampler', "
            'shuffle=False).')
    if loader.get('drop_last'):
        _warn(f'{name} has drop_last=True: samples after the last full batch '
              'are not evaluated. Remove it.')


def _warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
