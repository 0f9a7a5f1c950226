import reprlib
from typing import Any, Dict, List, Union, get_args, get_origin, get_type_hints

JSON = [type(None), bool, int, float, str, List[Any], Dict[str, Any]]


def check_types(where: str, of: type, values: Dict[str, Any]) -> None:
    """Check values from a file against the annotations of a dataclass.

    An int is a float, too. For ``Any``, all types of JSON are allowed, in
    which runs are written and compared.

    Args:
        where (str): What the values belong to, for messages.
        of (type): The dataclass.
        values (Dict[str, Any]): Values of its fields by name.

    Raises:
        ValueError: If a value has another type.
    """
    for name, expected in get_type_hints(of).items():
        if name in values and not _fits(values[name], expected):
            text = getattr(expected, '__name__', None)
            if get_origin(expected) is not None:
                text = str(expected).replace('typing.', '')
            raise ValueError(f'{where}: {name} must be of type {text}, but is '
                             f'{reprlib.repr(values[name])}.')


def _fits(value: Any, expected: Any) -> bool:
    origin, parts = get_origin(expected), get_args(expected)
    if expected is Any:
        return any(_fits(value, kind) for kind in JSON)
    if origin is Union:
        return any(_fits(value, part) for part in parts)
    if origin is list:
        return isinstance(value, list) and all(
            _fits(part, *parts) for part in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            _fits(key, parts[0]) and _fits(part, parts[1])
            for key, part in value.items())
    if expected is float:
        return type(value) in (int, float)
    return type(value) is expected
