"""Colours, dashes and sizes that all figures share."""

from __future__ import annotations

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

# Okabe and Ito (2008), Color Universal Design; yellow is left out, it vanishes on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

# For signed values: blue below zero, grey at zero, yellow above, and lighter all the way.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", ["#06245a", "#2b6ca3", "#969696", "#f0b73c", "#fff3c4"]
)
POSITIVE = "cividis"

WIDTH, HEIGHT = 9.0, 7.0  # inches: what a notebook shows without shrinking or scrolling
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=COLOURS, linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "figure.dpi": 100,
    "figure.figsize": (6.4, 4.0),
    "font.size": 11,
    "grid.alpha": 0.3,
    "image.cmap": POSITIVE,
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 5,
}


def use_style() -> None:
    """Set Matplotlib's defaults to the style of this course, for the running process."""
    mpl.rcParams.update(STYLE)
