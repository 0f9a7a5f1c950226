"""Rows of a study at each point of an axis, such as several budgets."""
from dataclasses import replace
from typing import Any, Dict, List

from .rows import Row


def expand_points(rows: Dict[str, Row], points: Dict[str, Any],
                  sets: List[str]) -> Dict[str, Row]:
    """Make a row of each row and each point of an axis.

    The rows "KD" and "CC" with ::

        axis: training iterations
        sets: [max_iters]
        points: {short: 375, long: 1500}

    become "KD, short", "CC, short", "KD, long" and "CC, long". The options in
    ``sets`` have the value of the point. Each of the four rows is tuned for
    itself, and a row is compared with the others at the same point. A point
    may also have other options: ``long: {value: 1500, options: {…}}``.

    Args:
        rows (Dict[str, Row]): Rows by name.
        points (Dict[str, Any]): Values or mappings by name; if empty, the rows
            are returned as they are.
        sets (List[str]): The options that have the value of the point.

    Returns:
        Dict[str, Row]: Rows by name, with ``value`` and ``line``.

    Raises:
        ValueError: If the points are not a mapping, a point is neither a
            number nor such a mapping, or sets no option, or there are options
            to set, but no points.
    """
    if not isinstance(points, dict):
        raise ValueError('points must be a mapping from names to points, but '
                         f'is {points!r}.')
    if sets and not points:
        raise ValueError(f'sets names {", ".join(sets)}, but there are no '
                         'points with their values; add points.')
    expanded = {}
    for point, content in points.items():
        if not isinstance(content, dict):
            content = dict(value=content)
        value = content.get('value')
        options = content.get('options', {})
        if (isinstance(value, bool) or not isinstance(value, (int, float))
                or not content.keys() <= {'value', 'options'}
                or not isinstance(options, dict)):
            raise ValueError(
                f'point {point!r} must be a number, or a mapping with value '
                f'and options, but is {points[point]!r}.')
        options = {**dict.fromkeys(sets, value), **options}
        if not options:
            raise ValueError(
                f'point {point!r} sets no option; name options that have its '
                'value, as in sets: [max_iters], or give it options.')
        for name, row in rows.items():
            expanded[f'{name}, {point}'] = replace(
                row,
                options={**row.options, **options},
                beats=[f'{other}, {point}' for other in row.beats],
                value=value,
                line=name)
    return expanded or rows
