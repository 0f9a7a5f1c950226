"""The style of all figures of studies.

They are legible in black and white and for color-blind readers: nothing is
shown by color alone.
"""
from pathlib import Path
from typing import Any, Dict, Tuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, GRAY, BLUE = '#000000', '#8a8a8a', '#0072b2'
FONT = 11
# Colors of Okabe and Ito, from dark to light.
COLORS = (INK, BLUE, '#d55e00', '#009e73', '#cc79a7', '#e69f00')
MARKERS = 'os^Dv*'
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


def save(figure: Figure, out: Path) -> Tuple[Path, Path]:
    """Save as PNG and SVG; the same figure gives the same bytes."""
    png, svg = out.with_suffix('.png'), out.with_suffix('.svg')
    figure.savefig(png, dpi=110)
    with rc_context({'svg.hashsalt': out.name}):  # without it, ids are random
        figure.savefig(svg, metadata={'Date': None})
    return png, svg
