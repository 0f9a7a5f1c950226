"""Check overrides of nested entries that the runner would ignore."""
from typing import Dict, FrozenSet, Iterable

from mmengine.config import Config

from .component_types import bare_name

# Entries with a fixed set of keys; other keys are ignored. Most other entries
# are arguments of a class or function, which raises for unknown arguments.
CLOSED: Dict[str, FrozenSet[str]] = {
    'auto_scale_lr':
    frozenset({'enable', 'base_batch_size'}),
    'env_cfg':
    frozenset({'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'}),
    'env_cfg.mp_cfg':
    frozenset({'mp_start_method', 'opencv_num_threads'}),
    'optim_wrapper.paramwise_cfg':
    frozenset({
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult',
        'dwconv_decay_mult', 'flat_decay_mult', 'bypass_duplicate',
        'dcn_offset_lr_mult'
    }),
}
# The constructor that reads these keys of paramwise_cfg.
CONSTRUCTOR = 'DefaultOptimWrapperConstructor'


def check_nested(cfg: Config, keys: Iterable[str]) -> None:
    """Raise an error for an overridden key that nothing reads.

    Args:
        cfg (Config): The config, with the overrides merged.
        keys (Iterable[str]): Keys of the overrides, such as
            ``env_cfg.cudnn_benchmark``.

    Raises:
        ValueError: If nothing reads one of the keys.
    """
    for key in keys:
        name, _, rest = key.partition('.')
        if name == 'launcher':
            raise ValueError(
                f'{key} cannot be overridden: the command line sets it. Did '
                'you mean --launcher?')
        if name == 'data_preprocessor' and (cfg.get('model') or {}).get(name):
            raise ValueError(
                f'{key} would change nothing: the model of {cfg.filename} has '
                f'its own data_preprocessor. Did you mean model.{key}?')
        if name == 'default_hooks' and rest:
            _check_hook(cfg, key, rest.partition('.')[0])
        for entry, known in CLOSED.items():
            if key.startswith(f'{entry}.'):
                _check_closed(cfg, key, entry, known)


def _check_hook(cfg: Config, key: str, name: str) -> None:
    hooks = cfg.get('default_hooks') or {}
    if isinstance(hooks.get(name), dict) and 'type' not in hooks[name]:
        others = ', '.join(hook for hook in hooks if hook != name)
        raise ValueError(
            f'{key} sets no hook: default_hooks.{name} has no type. The hooks '
            f'of {cfg.filename} are {others or "none"}.')


def _check_closed(cfg: Config, key: str, entry: str,
                  known: FrozenSet[str]) -> None:
    constructor = (cfg.get('optim_wrapper') or {}).get('constructor')
    if (entry.startswith('optim_wrapper') and constructor
            and bare_name(constructor) != CONSTRUCTOR):
        return
    name = key[len(entry) + 1:].partition('.')[0]
    if name not in known and name != '_delete_':
        raise ValueError(f'{key} would change nothing: the keys of {entry} '
                         f'are {", ".join(sorted(known))}.')
