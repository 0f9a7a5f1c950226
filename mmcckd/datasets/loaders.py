"""Whether a data loader's config says what it seems to say."""
import logging

from mmengine.config import Config
from mmengine.logging import print_log

# Samplers that draw batches by groups: samples come twice and are left out.
BY_GROUPS = ('CURSampler', 'SURSampler')


def check_loader(cfg: Config, name: str) -> None:
    """Raise, or warn, where torch or MMEngine would fail or be silent.

    Args:
        cfg (Config): The recipe.
        name (str): "train_dataloader", "val_dataloader" or "test_dataloader",
            which the recipe has.

    Raises:
        ValueError: If a key is missing, excludes another, or asks for an
            epoch without an end or an evaluation of other samples than the
            data set's.
    """
    loader = cfg[name]
    if 'dataset' not in loader:
        raise ValueError(f'{name} has no dataset; give dataset=dict(type=…).')
    if loader.get('batch_sampler'):
        _check_beside_batch_sampler(name, loader)
    else:
        _check_without_batch_sampler(name, loader)
    if name == 'train_dataloader':
        _check_training(loader, cfg.get('train_cfg') or {})
    else:
        _check_each_sample_is_evaluated_once(name, loader)


def _check_beside_batch_sampler(name: str, loader: dict) -> None:
    kind = _kind(loader['batch_sampler'])
    for key in ('drop_last', 'shuffle'):
        if loader.get(key):
            raise ValueError(
                f'{name} has {key}={loader[key]} beside the batch_sampler '
                f'{kind}, which alone decides what is in a batch. '
                f'Remove {key}, or in a config that '
                f'inherits it write {key}=False.' +
                (f' The batches of {kind} are all full.'
                 if kind in BY_GROUPS and key == 'drop_last' else ''))
    if 'batch_size' not in loader:
        raise ValueError(f'{name} has the batch_sampler {kind}, but no '
                         'batch_size; give it beside, as batch_size=64.')


def _check_without_batch_sampler(name: str, loader: dict) -> None:
    if loader.get('shuffle') and loader.get('sampler'):
        raise ValueError(
            f'{name} has shuffle=True, which is for its sampler to say: write '
            "sampler=dict(type='DefaultSampler', shuffle=True), and remove "
            'shuffle.')
    if 'batch_size' not in loader:
        _warn(f'{name} has no batch_size: each batch is a single sample. '
              'Give it, as batch_size=64.')


def _check_training(loader: dict, loop: dict) -> None:
    sampler = loader.get('sampler') or {}
    by_epoch = loop.get('by_epoch', _kind(loop) == 'EpochBasedTrainLoop')
    if by_epoch and _kind(sampler) == 'InfiniteSampler':
        raise ValueError(
            'train_dataloader has the sampler InfiniteSampler, but train_cfg '
            'counts epochs: the first would never end. Give '
            "sampler=dict(type='DefaultSampler', shuffle=True), or count "
            'iterations, by train_cfg=dict(by_epoch=False, max_iters=…).')
    shuffles = sampler.get('shuffle', True) if sampler else loader.get(
        'shuffle', False)
    if not shuffles and not loader.get('batch_sampler'):
        _warn('train_dataloader does not shuffle: all epochs show the samples '
              'in one order, and of sorted data each batch is of one class. '
              "Give sampler=dict(type='DefaultSampler', shuffle=True).")


def _check_each_sample_is_evaluated_once(name: str, loader: dict) -> None:
    kind = _kind(loader.get('batch_sampler') or {})
    if kind in BY_GROUPS:
        raise ValueError(
            f'{name} has the batch_sampler {kind}, which draws some samples '
            'again and leaves others out, so the metrics would not be those '
            'of the data set. Remove it; it is for train_dataloader.')
    if _kind(loader.get('sampler') or {}) == 'InfiniteSampler':
        raise ValueError(
            f'{name} has the sampler InfiniteSampler, so the evaluation would '
            "never end. Give sampler=dict(type='DefaultSampler', "
            'shuffle=False).')
    if loader.get('drop_last'):
        _warn(f'{name} has drop_last=True: samples after the last full batch '
              'are not evaluated. Remove it.')


def _kind(config: dict) -> str:
    """The type of a component without its scope."""
    kind = config.get('type', '')
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]


def _warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
