"""Override entries and variables of a config (``--cfg-options``)."""
import copy
from typing import Any, Dict

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from .comparison import differences, without
from .evaluation import evaluate
from .known_keys import KEYS
from .nested_keys import check_nested
from .suggestions import did_you_mean, find_similar_keys

# The runner reads this key, and pipelines use it as a variable, to pad with
# its mean. An override of any other key of the runner changes only this key,
# as in MMEngine, also if a config has test_dataloader = val_dataloader.
KEY_AND_VARIABLE = 'data_preprocessor'


def override(cfg: Config, options: Dict[str, Any]) -> Config:
    """Return a config with new values for some of its entries.

    A key that the runner or a tool reads is merged with MMEngine's
    ``merge_from_dict``. Any other name is a variable: the config file and the
    files that it inherits from are evaluated again with its new value, so the
    value is used in all places that read the variable. Keys are merged last,
    and therefore take precedence.

    Args:
        cfg (Config): The config as read from a file. It is not changed.
        options (Dict[str, Any]): New values by key. Keys of nested entries
            are written as ``model.head.num_classes``, those of lists as
            ``train_pipeline.1.scale``.

    Returns:
        Config: The new config.

    Raises:
        ValueError: If nothing reads a key, or the config cannot be evaluated
            with a value.
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
                f'has no {name}.' + did_you_mean(find_similar_keys(cfg, key)))

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
    """Evaluate a config with new values for variables.

    The variables are set one after the other, in the order in which the files
    assign them, since a variable may depend on previous ones.
    """
    if not variables:
        return cfg
    evaluation, values = evaluate(cfg.filename), {}
    order = [name for names in evaluation.assigned.values() for name in names]
    position = {name: index for index, name in enumerate(order)}
    for name in sorted(position.keys() & variables.keys(), key=position.get):
        options = variables[name]
        merged = _merge(evaluation.cfg, name, options)
        values[name] = merged._to_lazy_dict()[name]  # keeps classes
        try:
            evaluation = evaluate(cfg.filename, values)
        except Exception as error:  # a config may raise any exception
            raise ValueError(
                f'{cfg.filename} cannot be evaluated with {_text(options)}: '
                f'{type(error).__name__}: {error}') from error
    return evaluation.cfg


def _merge(cfg: Config, name: str, options: Dict[str, Any]) -> Config:
    """Return a config of a variable alone, with its options."""
    variable = Config({name: copy.deepcopy(cfg[name])})
    variable.merge_from_dict(copy.deepcopy(options))
    return variable


def _check_is_read(cfg: Config, changed: Config, name: str,
                   variables: Dict[str, Dict[str, Any]]) -> None:
    """Raise an error if the options of a variable change no other entry."""
    options = variables[name]
    merged = _merge(cfg, name, options).to_dict()
    if not differences(merged[name], cfg.to_dict()[name]):
        return  # the variable already has this value
    unchanged = _evaluate(cfg, without(variables, name))
    if not differences(
            without(unchanged.to_dict(), name),
            without(changed.to_dict(), name)):
        key = next(iter(options))
        raise ValueError(
            f'{_text(options)} would change nothing: no other entry of '
            f'{cfg.filename} depends on {name}. If your own code reads '
            f'runner.cfg.{name}, set it in the config file.' +
            did_you_mean(find_similar_keys(cfg, key)))


def _text(options: Dict[str, Any]) -> str:
    return ', '.join(f'{key}={value!r}' for key, value in options.items())
