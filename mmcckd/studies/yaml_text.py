from typing import Any

import yaml

from mmcckd.files.json_text import MAX_DEPTH

MAX_VALUES = 100_000


def parse_yaml(text: str) -> Any:
    """Parse YAML that may be damaged, or meant to exhaust the memory.

    Args:
        text (str): The text.

    Raises:
        ValueError: If it is not YAML, is nested more than 100 deep, or has
            more than 100,000 values where aliases (``*name``) are counted
            each time.
    """
    try:
        _check_depth(text)
        content = yaml.safe_load(text)
        _check_size(content)
    except Exception as error:  # PyYAML can raise any error
        raise ValueError(f'{type(error).__name__}: {error}') from error
    return content


def _check_depth(text: str) -> None:
    """Check the depth before loading, which may crash: PyYAML's loader is
    recursive, unlike its parser. See :func:`.parse_json`."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f'it is nested more than {MAX_DEPTH} deep')


def _check_size(content: Any) -> None:
    parts, size = [content], 0
    while parts:
        part, size = parts.pop(), size + 1
        if size > MAX_VALUES:
            raise ValueError(f'it has more than {MAX_VALUES:,} values')
        if isinstance(part, dict):
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)
