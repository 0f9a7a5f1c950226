"""Figures of the test accuracies of a study."""
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
from matplotlib.figure import Figure

from .figure_style import BLUE, FONT, GRAY, INK, save, tidy
from .line_figures import by_line, draw_lines
from .summary import RowSummary, Summary


def draw_study(summary: Summary, out: Path) -> Tuple[Path, Path]:
    """Draw test accuracies to ``out.png`` and ``out.svg``.

    A study with an axis is drawn as curves, others with a line for each row.
    """
    if by_line(summary):
        figure = draw_lines(summary)
    elif summary.study.axis:
        figure = _draw_curve(summary)
    else:
        figure = _draw_dots(summary)
    return save(figure, out)


def _draw_dots(summary: Summary) -> Figure:
    """A line for each row: all seeds, the mean, and its 95 % interval."""
    rows = summary.rows
    figure = Figure((8, 1.1 + 0.42 * len(rows)), layout='constrained')
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    lows, highs = [], []
    for y, row in enumerate(rows.values()):
        accuracy = row.metric('test')
        mean, half = row.interval('test')
        axes.plot(
            accuracy,
            y + rng.uniform(-0.25, 0.25, len(accuracy)),
            'o',
            markersize=3.5,
            markerfacecolor='none',
            markeredgecolor=GRAY,
            markeredgewidth=0.8)
        axes.errorbar(
            mean, y, xerr=half, fmt='D', color=INK, capsize=5, markersize=6,
            linewidth=2)
        lows.append(mean - half)
        highs.append(accuracy.max())
    # A few seeds far below would compress the rest of the figure; they are
    # left out and counted at the left edge.
    low = min(lows) - 0.1 * (max(highs) - min(lows))
    for y, row in enumerate(rows.values()):
        hidden = int((row.metric('test') < low).sum())
        if hidden:
            axes.annotate(
                f'◂{hidden}', (0, y),
                xycoords=('axes fraction', 'data'),
                xytext=(3, 0),
                textcoords='offset points',
                va='center',
                fontsize=FONT - 1)
    axes.set_xlim(left=low)
    axes.set_yticks(range(len(rows)), rows, fontsize=FONT)
    axes.invert_yaxis()
    axes.set_xlabel(
        'test accuracy, %\n(circle: a seed; ◂n: n seeds further left; '
        'diamond: mean, 95 % interval)',
        fontsize=FONT)
    axes.grid(axis='x', color='#dddddd')
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    return figure


def _draw_curve(summary: Summary) -> Figure:
    """A curve of means and 95 % intervals; other rows as horizontal lines."""
    figure = Figure((8, 3.6), layout='constrained')
    axes = figure.subplots()
    points: List[Tuple[float, float, float]] = []
    levels: Dict[str, RowSummary] = {}
    for name, row in summary.rows.items():
        value = summary.study.rows[name].value
        if value is None:
            levels[name] = row
        else:
            points.append((value, *row.interval('test')))
    if points:
        x, mean, half = np.array(sorted(points)).T
        axes.errorbar(
            x, mean, half, fmt='-D', color=INK, capsize=5, linewidth=1.6,
            markersize=6)
        axes.set_xscale('log')
        axes.set_xticks(x, [f'{value:g}' for value in x], fontsize=FONT)
        axes.minorticks_off()
    for (name, row), style in zip(levels.items(), ('--', ':', '-.')):
        mean, half = row.interval('test')
        axes.axhspan(mean - half, mean + half, color=BLUE, alpha=0.12, lw=0)
        axes.axhline(mean, linestyle=style, color=BLUE)
        axes.annotate(
            name, (1, mean), xycoords=('axes fraction', 'data'),
            xytext=(-4, 3), textcoords='offset points', ha='right',
            color=BLUE, fontsize=FONT)
    axes.set_xlabel(summary.study.axis, fontsize=FONT)
    axes.set_ylabel('test accuracy, %', fontsize=FONT)
    tidy(axes)
    return figure
