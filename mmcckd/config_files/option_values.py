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
    """
    value = text.strip('\'"')
    is_list = ',' in value or value.startswith(('(', '['))
    if ' ' in value and not is_list:
        return DictAction._parse_int_float_bool(value)
    return DictAction._parse_iterable(text)
