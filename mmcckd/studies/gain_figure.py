"""The gain by CC against its weight and against the gradient ratio."""
from pathlib import Path
from typing import List, Tuple

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from .figure_style import FONT, GRAY, save, style, tidy
from .summary import Summary

LINEAR = 2  # gains up to this are on a linear scale, others on a log scale
AXES = dict(
    beta='β',
    ratio_early='gradient ratio r, first fifth of the training',
    ratio_late='gradient ratio r, last fifth of the training')


def gains(summary: Summary, metric: str = 'test') -> np.ndarray:
    """What CC adds to the rows that a study compares with.

    Returns:
        np.ndarray: A line for each comparison of a row with CC and one
        without: β, r at the start and at the end (geometric means over the
        seeds), the difference, and half its 95 % interval; (n, 5).
    """
    found = []
    for c in summary.comparisons:
        row, other = summary.rows[c.row], summary.rows[c.other]
        if (c.metric == metric and not other.has('ratio_early')
                and all(row.has(name) for name in AXES)):
            found.append([
                *(np.exp(np.log(np.maximum(row.metric(name), 1e-12)).mean())
                  for name in AXES), c.test.difference, c.test.half_width
            ])
    return np.array(found).reshape(-1, 5)


def draw_gains(summaries: List[Summary], out: Path) -> Tuple[Path, Path]:
    """Draw the gain in test accuracy of several studies in three panels.

    Args:
        summaries (List[Summary]): Studies; those without gains are left out.
        out (Path): ``out.png`` and ``out.svg`` are written.
    """
    found = {s.study.name.replace('_', ' '): gains(s) for s in summaries}
    figure = Figure((12, 4.6), layout='constrained')
    panels = figure.subplots(1, len(AXES), sharey=True)
    for column, (axes, label) in enumerate(zip(panels, AXES.values())):
        axes.axhline(0, color=GRAY, linewidth=1)
        studies = [(name, g) for name, g in found.items() if len(g)]
        for index, (name, points) in enumerate(studies):
            look = dict(style(index), linestyle='none')
            axes.errorbar(
                points[:, column], points[:, 3], points[:, 4], label=name,
                elinewidth=0.8, ecolor=to_rgba(look['color'], 0.35), **look)
        axes.set_xscale('log')
        low, high = np.log10(axes.get_xlim())
        axes.set_xlim(10.**np.floor(low), 10.**np.ceil(high))
        axes.xaxis.set_major_formatter('{x:g}')
        axes.set_yscale('symlog', linthresh=LINEAR)
        ticks = [-50, -20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20, 50]
        axes.set_yticks(ticks, [f'{tick:+d}' if tick else '0'
                                for tick in ticks])
        axes.set_xlabel(label, fontsize=FONT)
        tidy(axes)
    points = np.concatenate([np.zeros((1, 5)), *found.values()])
    ends = points[:, 3] + points[:, 4] * [[-1], [1]]
    panels[0].set_ylim(np.nanmin(ends) - 0.5, np.nanmax(ends) + 0.5)
    panels[0].set_ylabel('gain in test accuracy by CC, points', fontsize=FONT)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc='outside lower center',
        ncols=4, fontsize=FONT - 1, frameon=False)
    return save(figure, out)
