"""Override entries of a config by name, as ``--cfg-options`` does."""
import copy
from typing import Any, Dict

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from .comparison import differences, without
from .evaluation import evaluate
from .meant import did_you_mean, keys_meant
from .nested import check_nested
from .readers import KEYS

# The runner reads it, and pipelines pad with its mean. The other keys of the
# runner are set in their own place alone, as by MMEngine, though configs say
# test_dataloader = val_dataloader.
KEY_AND_VARIABLE = 'data_preprocessor'


def override(cfg: Config, options: Dict[str, Any]) -> Config:
    """The config with other values for some of its entries.

    A key that the runner or a tool reads is merged, as by MMEngine's
    ``merge_from_dict``. Any other name is a variable: the config's file, and
    those that it inherits from, are evaluated again with its new value, which
    so reaches every place where they use it. Keys are merged last, and so
    prevail.

    Args:
        cfg (Config): As read from a file; it is left as it is.
        options (Dict[str, Any]): New values by key. Keys of nested entries
            are written ``model.head.num_classes``, of lists
            ``train_pipeline.1.scale``.

    Returns:
        Config: Another config.

    Raises:
        ValueError: If nothing reads what a key names, or the config cannot be
            evaluated with a value.
    """
    by_name: Dict[str, Dict[str, Any]] = {}
    for key, value in options.items():
        by_name.setdefault(key.partition('.')[0], {})[key] = value
    variables = {
        name: its_options
        for name, its_options in by_name.items()
        if name not in KEYS or name == KEY_AND_VARIABLE
    }
    for name, its_options in variables.items():
        if name not in KEYS and name not in cfg:
            key = next(iter(its_options))
            raise ValueError(
                f'{_text(its_options)} would change nothing: {cfg.filename} '
                f'has no {name}.' + did_you_mean(keys_meant(cfg, key)))

    changed = copy.deepcopy(_evaluate(cfg, variables))
    for name in variables:
        if name not in KEYS and name in changed:
            _check_is_read(cfg, changed, name, variables)
    changed.merge_from_dict(copy.deepcopy(options))
    check_nested(changed, options)
    if 'custom_imports' in by_name and changed.get('custom_imports'):
        import_modules_from_strings(**changed.custom_imports)
    return changed


def _evaluate(cfg: Config, variables: Dict[str, Dict[str, Any]]) -> Config:
    """The config with other values for variables.

    One after the other, in the order in which the files assign them, since a
    later one may be made of those before.
    """
    if not variables:
        return cfg
    evaluation, values = evaluate(cfg.filename), {}
    order = [name for names in evaluation.assigned.values() for name in names]
    position = {name: index for index, name in enumerate(order)}
    for name in sorted(position.keys() & variables.keys(), key=position.get):
        options = variables[name]
        values[name] = _merge(evaluation.cfg, name, options)
        try:
            evaluation = evaluate(cfg.filename, values)
        except Exception as error:  # the code of a config can do anything
            raise ValueError(
                f'{cfg.filename} cannot be evaluated with {_text(options)}: '
                f'{type(error).__name__}: {error}') from error
    return evaluation.cfg


def _merge(cfg: Config, name: str, options: Dict[str, Any]) -> Any:
    """The value of a variable, with its options merged, in plain types."""
    variable = Config({name: copy.deepcopy(cfg[name])})
    variable.merge_from_dict(copy.deepcopy(options))
    return variable.to_dict()[name]


def _check_is_read(cfg: Config, changed: Config, name: str,
                   variables: Dict[str, Dict[str, Any]]) -> None:
    """Raise if the options of a variable change nothing but itself."""
    options = variables[name]
    if not differences(_merge(cfg, name, options), cfg.to_dict()[name]):
        return  # it has this value anyway
    unchanged = _evaluate(cfg, without(variables, name))
    if not differences(
            without(unchanged.to_dict(), name),
            without(changed.to_dict(), name)):
        key = next(iter(options))
        raise ValueError(
            f'{_text(options)} would change nothing: no other entry of '
            f'{cfg.filename} is made of {name}. If code of your own reads '
            f'runner.cfg.{name}, set it in the config file.' +
            did_you_mean(keys_meant(cfg, key)))


def _text(options: Dict[str, Any]) -> str:
    return ', '.join(f'{key}={value!r}' for key, value in options.items())
