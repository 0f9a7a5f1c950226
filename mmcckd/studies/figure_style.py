"""The style of all figures of studies.

They are legible in black and white and for color-blind readers: nothing is
shown by color alone.
"""
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmcckd.files.atomic import atomic_write

INK, GRAY, BLUE = '#000000', '#8a8a8a', '#0072b2'
FONT = 11
# Colors of Okabe and Ito, from dark to light.
COLORS = (INK, BLUE, '#d55e00', '#009e73', '#cc79a7', '#e69f00')
MARKERS = 'os^Dv*P'  # one more than colors, so that 42 styles differ
FULL = 100.2  # 100 % is not infinitely far away
PERCENT_TICKS = (0, 20, 40, 60, 70, 80, 85, 90, 93, 95, 97, 98, 99, 99.5)
DASHES = ('-', '--', ':', '-.')


def style(index: int) -> Dict[str, Any]:
    """How a line is drawn: by its color, its dashes and its marker."""
    return dict(
        color=COLORS[index % len(COLORS)],
        linestyle=DASHES[index % len(DASHES)],
        marker=MARKERS[index % len(MARKERS)],
        markersize=6,
        markerfacecolor='white' if index % 2 else None,
        linewidth=1.6)


def tidy(axes: Axes) -> None:
    """A light grid behind the data, and no frame at the top and right."""
    axes.grid(color='#dddddd')
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def percent_axis(axes: Axes) -> None:
    """A y-axis in %, on which the distance to 100 % is on a log scale.

    So 98 and 99 % are as far apart as 60 and 80 %.
    """
    low = max(0, axes.get_ylim()[0])
    # Intervals may extend beyond 100 %.
    high = FULL - 0.8 * (FULL - min(100, axes.dataLim.y1))
    axes.set_yscale(
        'function',
        functions=(lambda y: -np.log(np.maximum(FULL - y, 1e-3)),
                   lambda t: FULL - np.exp(-t)))
    ticks = [tick for tick in PERCENT_TICKS if low <= tick <= high]
    if len(ticks) < 3:
        ticks = [tick for tick in MaxNLocator(5).tick_values(low, high)
                 if low <= tick <= high]
    axes.set_ylim(low, high)
    axes.set_yticks(ticks, [f'{tick:g}' for tick in ticks])
    axes.minorticks_off()


def save(figure: Figure, out: Path) -> Tuple[Path, Path]:
    """Save as PNG and SVG; the same figure gives the same bytes."""
    png, svg = out.with_suffix('.png'), out.with_suffix('.svg')
    with atomic_write(png) as temporary:
        figure.savefig(temporary, dpi=110)
    with rc_context({'svg.hashsalt': out.name}):  # without it, ids are random
        with atomic_write(svg) as temporary:
            figure.savefig(temporary, metadata={'Date': None})
    return png, svg
