"""Maps of shape (n, c, h, w), one of them or the levels of a pyramid."""
from typing import List, Optional, Sequence, Union

from torch import Tensor

Maps = Union[Tensor, Sequence[Tensor]]


def check_level(level: Optional[int], other: Sequence[str] = ()) -> None:
    """Check the ``level`` of a connector, when it is built.

    Args:
        level (int, optional): The index of a level.
        other (Sequence[str]): Other allowed values. Defaults to none.

    Raises:
        TypeError: If it is neither None, an int, nor one of ``other``.
    """
    if level is None or level in other:
        return
    if isinstance(level, bool) or not isinstance(level, int):
        allowed = ', '.join(['None', *map(repr, other)])
        raise TypeError(f'level must be the index of a level, an int, or '
                        f'{allowed}, but is {level!r}.')


def select_map(feature: Maps, level: Optional[int], user: str) -> Tensor:
    """Select one map, such as a level of a pyramid.

    Args:
        feature (Tensor or Sequence[Tensor]): A map (n, c, h, w), or a tuple
            or list of maps, the levels. A single map counts as one level.
        level (int, optional): The index of the level. It may be negative. If
            it is None, there must be a single map.
        user (str): What the map is for, to begin the messages with.

    Returns:
        Tensor: (n, c, h, w).

    Raises:
        TypeError: If the feature is not a tensor.
        ValueError: If there are several levels and ``level`` is None, there
            is no such level, or the feature is not a map.
    """
    levels = as_levels(feature)
    if level is None and len(levels) != 1:
        raise ValueError(
            f'{user} takes one map, but got {_describe(levels)}; select one '
            'with level, such as level=-1 for the last.')
    level = level or 0
    if not -len(levels) <= level < len(levels):
        raise ValueError(
            f'{user} has level={level}, but got {_describe(levels)}; set '
            f'level to at most {len(levels) - 1}.')
    check_map(levels[level], user)
    return levels[level]


def as_levels(feature: Maps) -> List[Tensor]:
    """The levels of a pyramid; a single map is one level."""
    return list(feature) if isinstance(feature, (tuple, list)) else [feature]


def check_map(feature: Tensor, user: str) -> None:
    """Check that a feature is a map.

    Raises:
        TypeError: If it is not a tensor.
        ValueError: If its shape is not (n, c, h, w).
    """
    if not isinstance(feature, Tensor):
        raise TypeError(f'{user} needs a tensor of shape (n, c, h, w), but '
                        f'got {type(feature).__name__}.')
    if feature.dim() != 4:
        raise ValueError(
            f'{user} takes maps of shape (n, c, h, w), but got '
            f'{tuple(feature.shape)}; record a module before the global '
            'pooling, such as the backbone, of a vision transformer with '
            "out_type='featmap'. Tokens, (n, l, d), need a TokenConnector.")


def _describe(levels: Sequence[Tensor]) -> str:
    shapes = ', '.join(
        f'{i}: {tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__}'
        for i, x in enumerate(levels))
    return (f'{len(levels)} level{"s" * (len(levels) != 1)} ({shapes})'
            if levels else 'no level')
