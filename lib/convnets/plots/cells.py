"""Numbered cells, frames and arrows: the parts that pictures of convolution are made of.

Everything is drawn in units of one cell, with y growing downwards as rows of an array do.
"""

from __future__ import annotations

import numpy as np

INK = "#222222"
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY = "#CC79A7", "#56B4E9"
PAPER, GREY = "#FFFFFF", "#E4E4E4"
EDGE = 0.1  # cells around a canvas, so that frames on its border are not cut
INPUT, KERNEL, OUTPUT = "#DCEBF7", "#FCE9C4", "#D3EEE3"


def canvas(width: float, height: float, *, inches_per_cell: float = 0.55, axes: int = 1):
    """A figure whose axes count in cells, `width` across and `height` down, without ticks.

    Returns:
        (figure, axes): one axes object, or an array of them side by side where `axes` > 1.

    >>> figure, ax = canvas(4, 2)
    >>> [float(end) for end in ax.get_ylim()]  # rows count downwards
    [2.1, -0.1]
    """
    import matplotlib.pyplot as plt

    size = (max(1.5, width * inches_per_cell) * axes, max(1.0, height * inches_per_cell))
    figure, panels = plt.subplots(1, axes, figsize=size, layout="constrained")
    for ax in np.atleast_1d(panels):
        ax.set(xlim=(-EDGE, width + EDGE), ylim=(height + EDGE, -EDGE), aspect="equal")
        ax.axis("off")
    return figure, panels


def draw_cells(ax, values, at=(0.0, 0.0), *, fill=PAPER, text=None, size=11, hatch=None):
    """Draw an array (H, W) as a grid of squares with its numbers in them.

    Args:
        values: (H, W) array; only the shape counts where `text` is given.
        at: (row, column) of the top left corner, in cells.
        fill: one colour, or an (H, W) nested sequence of colours.
        text: (H, W) nested sequence of strings instead of the numbers; "" leaves a cell blank.
        size: font size in points.
        hatch: Matplotlib hatch over all cells, such as "///".
    """
    from matplotlib.patches import Rectangle

    values = np.asarray(values)
    top, left = at
    for i, j in np.ndindex(values.shape):
        colour = fill if isinstance(fill, str) else fill[i][j]
        square = Rectangle((left + j, top + i), 1, 1, facecolor=colour, edgecolor=INK)
        square.set(linewidth=0.7, hatch=hatch)
        ax.add_patch(square)
        label = number(values[i, j]) if text is None else text[i][j]
        if label:
            middle = (left + j + 0.5, top + i + 0.5)
            box = {"facecolor": colour, "edgecolor": "none", "pad": 1.5} if hatch else None
            style = {"ha": "center", "va": "center", "fontsize": size, "color": INK}
            ax.text(*middle, label, bbox=box, **style)


def number(value) -> str:
    """A number as it is written on paper: no trailing zeros, a true minus sign.

    >>> number(-2.0), number(0.25)
    ('−2', '0.25')
    """
    return f"{value:.3g}".replace("-", "−")


def frame(ax, top, left, height, width, colour=VERMILION, linewidth=2.6, **style):
    """Outline a block of cells; `style` goes to `matplotlib.patches.Rectangle`."""
    from matplotlib.patches import Rectangle

    style = {"fill": False, "zorder": 4, **style}
    corner = (left, top)
    ax.add_patch(Rectangle(corner, width, height, edgecolor=colour, linewidth=linewidth, **style))


def arrow(ax, start, end, colour=INK, bend=0.0):
    """An arrow between two (row, column) points, behind all text; `bend` curves it."""
    from matplotlib.patches import FancyArrowPatch

    style = {"arrowstyle": "-|>", "mutation_scale": 13, "linewidth": 1.4, "alpha": 0.55}
    curve = f"arc3,rad={bend}"
    ends = (start[::-1], end[::-1])
    ax.add_patch(FancyArrowPatch(*ends, color=colour, connectionstyle=curve, zorder=2.5, **style))


def note(ax, row, column, text, size=11, ha="center", **style):
    """Write `text` at a (row, column) point, centred unless `ha` says otherwise."""
    style = {"color": INK, "va": "center", **style}
    ax.text(column, row, text, fontsize=size, ha=ha, **style)
