"""Lists of names in error messages."""
from typing import Sequence


def first_names(names: Sequence, limit: int = 3) -> str:
    """Join the first names with commas, and add "…" if there are more."""
    return ', '.join(map(str, names[:limit])) + (
        ', …' if len(names) > limit else '')
