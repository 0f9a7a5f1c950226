"""Figures with a line for each recipe: by budget, and during a training."""
from pathlib import Path
from typing import Dict, Tuple

import numpy as np
from matplotlib.figure import Figure

from .figure_style import (
    DASHES,
    FONT,
    GRAY,
    percent_axis,
    save,
    style,
    tidy,
)
from .paired_test import mean_interval
from .summary import RowSummary, Summary

MAX_TICKS = 6  # with more values, only powers of 10 have ticks
METRICS = dict(
    test='test accuracy, %', retrieval_mAP='mAP of unseen classes, %')


def draw_lines(summary: Summary) -> Figure:
    """Accuracy, and mAP if it was measured, against the value of the rows.

    The distance to 100 % is on a log scale. Bars are 95 % intervals; they end
    halfway between the largest mean and 100 %. The lines are shifted a little,
    so that the bars do not cover each other. The mean of a row without a value
    is a horizontal line.
    """
    metrics = [
        metric for metric in METRICS
        if all(row.has(metric) for row in summary.rows.values())
    ]
    figure = Figure((5.2 * len(metrics), 4.2), layout='constrained')
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    lines = by_line(summary)
    levels = {
        name: row for name, row in summary.rows.items()
        if summary.study.rows[name].value is None
    }
    for axes, metric in zip(panels, metrics):
        highest = max(row.interval(metric)[0] for row in summary.rows.values())
        for index, (name, rows) in enumerate(lines.items()):
            x, mean, half = np.array([(value, *rows[value].interval(metric))
                                      for value in sorted(rows)]).T
            shift = 1.025**(index - (len(lines) - 1) / 2)
            above = np.minimum(half, (100 + highest) / 2 - mean)
            axes.errorbar(
                x * shift, mean, [half, above], label=name, capsize=3,
                **style(index))
        for index, (name, row) in enumerate(levels.items()):
            axes.axhline(
                row.interval(metric)[0], label=name, color=GRAY,
                linestyle=DASHES[index % len(DASHES)], zorder=1)
        values = sorted({value for rows in lines.values() for value in rows})
        axes.set_xscale('log')
        if len(values) <= MAX_TICKS:
            axes.set_xticks(values, [f'{v:,g}' for v in values], fontsize=FONT)
        percent_axis(axes)
        axes.minorticks_off()
        axes.set_xlabel(summary.study.axis, fontsize=FONT)
        axes.set_ylabel(METRICS[metric], fontsize=FONT)
        tidy(axes)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc='outside lower center',
        ncols=2 * len(panels), fontsize=FONT - 1, frameon=False)
    return figure


def draw_learning_curves(summary: Summary,
                         out: Path) -> Tuple[Path, Path]:
    """Draw validation accuracies during the training, a panel a value.

    Args:
        summary (Summary): A study whose results have learning curves.
        out (Path): ``out.png`` and ``out.svg`` are written.
    """
    lines = by_line(summary)
    values = sorted({value for rows in lines.values() for value in rows})
    figure = Figure((3.6 * len(values) + 0.6, 3.8), layout='constrained')
    panels = figure.subplots(1, len(values), squeeze=False)[0]
    for axes, value in zip(panels, values):
        for index, (name, rows) in enumerate(lines.items()):
            if value in rows:
                iterations, mean, half = mean_curve(rows[value])
                axes.errorbar(
                    iterations, mean, half, label=name, capsize=2,
                    **style(index))
        axes.set_title(f'{value:,g} {summary.study.axis}', fontsize=FONT)
        axes.set_xlabel('iteration', fontsize=FONT)
        axes.set_xlim(left=0)
        tidy(axes)
    for axes in panels:
        percent_axis(axes)
    panels[0].set_ylabel('validation accuracy, %', fontsize=FONT)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc='outside lower center',
        ncols=len(lines), fontsize=FONT - 1, frameon=False)
    return save(figure, out)


def mean_curve(row: RowSummary) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Iterations, mean accuracies, and half their 95 % intervals, (8, )."""
    curves = np.array([result.curve for result in row.results.values()])
    iterations, accuracies = curves[0, :, 0], curves[:, :, 1]
    intervals = [mean_interval(row.paired(values)) for values in accuracies.T]
    mean, half = np.array(intervals).T
    return iterations, mean, half


def by_line(summary: Summary) -> Dict[str, Dict[float, RowSummary]]:
    """The rows of each line by their value, in the order of the table."""
    lines: Dict[str, Dict[float, RowSummary]] = {}
    for name, content in summary.rows.items():
        row = summary.study.rows[name]
        if row.line and row.value is not None:
            lines.setdefault(row.line, {})[row.value] = content
    return lines
