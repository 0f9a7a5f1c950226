"""How many iterations a recipe needs to reach an accuracy."""
from typing import Dict, List

import numpy as np

from .line_figures import by_line, mean_curve
from .summary import Summary

LEVELS = (30, 50, 70, 80, 90, 95, 97, 98, 99)
MOST = 4  # levels in a table


def first_reached(iterations: np.ndarray, accuracies: np.ndarray,
                  level: float) -> str:
    """The number of iterations at which a curve first reaches a level.

    Args:
        iterations (np.ndarray): In ascending order, (n, ).
        accuracies (np.ndarray): (n, ). In between, the accuracy is linear in
            the logarithm of the iterations.
        level (float): An accuracy.

    Returns:
        str: With two significant digits; "≤ first" or "> last" outside of the
        curve.
    """
    reached = np.flatnonzero(np.asarray(accuracies) >= level)
    if not len(reached):
        return f'> {iterations[-1]:,.0f}'
    last = reached[0]
    if last == 0:
        return f'≤ {iterations[0]:,.0f}'
    part = slice(last - 1, last + 1)
    found = np.exp(
        np.interp(level, accuracies[part], np.log(iterations[part])))
    return f'{float(f"{found:.2g}"):,.0f}'


def steps_table(summary: Summary) -> List[str]:
    """A table of the iterations that each line needs, by two curves.

    The first is the mean test accuracy at the end of trainings of different
    budgets; the second is the mean learning curve of the largest budget.

    Returns:
        List[str]: Its lines, in Markdown; none if no curve crosses a level.
    """
    curves: Dict[str, tuple] = {}
    for name, rows in by_line(summary).items():
        budgets = np.array(sorted(rows))
        means = np.array([rows[b].interval('test')[0] for b in budgets])
        curves[f'{name}, by budget'] = budgets, means
        largest = rows[budgets[-1]]
        if all(result.curve for result in largest.results.values()):
            iterations, means, _ = mean_curve(largest)
            curves[f'{name}, during {budgets[-1]:,g}'] = iterations, means
    cells = {
        level: [first_reached(*curve, level) for curve in curves.values()]
        for level in LEVELS
    }
    # Not levels that all curves have from the start, or that none reaches.
    told = [
        level for level in LEVELS
        if any(cell[0] not in '≤>' for cell in cells[level])
    ][-MOST:]
    if not told:
        return []
    lines = [
        '| iterations to reach | ' +
        ' | '.join(f'{level} %' for level in told) + ' |',
        '|---|' + '---:|' * len(told)
    ]
    for index, name in enumerate(curves):
        found = ' | '.join(cells[level][index] for level in told)
        lines.append(f'| {name} | {found} |')
    return lines
