from typing import Any

from mmengine.config import DictAction


def parse_value(text: str) -> Any:
    """Convert a value of a command line as MMEngine does.

    However, spaces are allowed. MMEngine removes all of them, also if the
    value is not a list but, for example, a path.

    Args:
        text (str): The value, such as ``0.1``, ``None`` or ``[1,2]``.

    Returns:
        Any: A number, bool, None, str, or a list or tuple of these.

    Raises:
        ValueError: If MMEngine cannot parse it, such as a dict in a list.
    """
    value = text.strip('\'"')
    is_list = ',' in value or value.startswith(('(', '['))
    if ' ' in value and not is_list:
        return DictAction._parse_int_float_bool(value)
    try:
        return DictAction._parse_iterable(text)
    except (AssertionError, RecursionError) as error:
        raise ValueError(
            f'{text!r} cannot be parsed; a value may be a number, a bool, '
            'None, text, or a list or tuple of these, with balanced brackets. '
            'Write other values into a config file.') from error
