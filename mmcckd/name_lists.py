"""Lists of names in error messages."""
from typing import Sequence


def first_names(names: Sequence, limit: int = 3) -> str:
    """The first of the names, and whether there are more."""
    return ', '.join(map(str, names[:limit])) + (
        ', …' if len(names) > limit else '')
