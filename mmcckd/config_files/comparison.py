"""Find the differences between two configs."""
from typing import Any, List

MISSING = object()


def differences(one: Any, other: Any, path: str = '') -> List[str]:
    """Return the keys of the innermost entries that differ.

    Args:
        one (Any): A config as a plain dict, or a part of it.
        other (Any): The config or part to compare it with.
        path (str): The key of both parts. Defaults to '', the complete
            config.

    Returns:
        List[str]: Keys such as ``model.head.num_classes``. ``_scope_``, the
        package of a component, is not compared.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        parts = [(key, one.get(key, MISSING), other.get(key, MISSING))
                 for key in dict.fromkeys([*one, *other]) if key != '_scope_']
    elif (isinstance(one, (list, tuple)) and isinstance(other, (list, tuple))
          and len(one) == len(other)):
        parts = zip(range(len(one)), one, other)
    elif type(one) is type(other) and one == other:
        return []
    else:
        return [path]
    return [
        key for name, *pair in parts
        for key in differences(*pair, f'{path}.{name}' if path else name)
    ]


def without(cfg: dict, name: str) -> dict:
    """Return a copy of a config without one of its entries."""
    return {key: value for key, value in cfg.items() if key != name}
