"""Dropout in pictures: networks with units left out, and what a mask leaves of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convnets.plots import COLOURS
from convnets.plots.cells import BLUE, INK, VERMILION


def networks(panels: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """A fully connected network with some of its units, or of its connections, left out.

    Args:
        panels: title → for each layer its mask (units,), True where a unit is kept; or for each
            pair of layers the mask of its weights (outputs, inputs), where no unit is left out.
    Returns:
        A Figure with one Axes per panel. Units left out are crosses.

    >>> figure = networks({"kept": [np.array([True, False]), np.array([True])]})
    >>> len(figure.axes[0].lines)  # one connection is left, and one cross
    2
    """
    size = {"figsize": (2.9 * len(panels), 2.9), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), squeeze=False, **size)
    for ax, (title, masks) in zip(axes[0], panels.items(), strict=True):
        if masks[0].ndim == 2:
            weights = list(masks)
            units = [np.ones(w.shape[1], bool) for w in weights]
            units.append(np.ones(weights[-1].shape[0], bool))
        else:
            units = list(masks)
            weights = [np.outer(b, a) for a, b in pairwise(units)]
        places = [np.arange(len(layer)) - (len(layer) - 1) / 2 for layer in units]
        for column, kept in enumerate(weights):
            for out, into in np.argwhere(kept):
                ends = (places[column][into], places[column + 1][out])
                style = {"color": "0.55", "linewidth": 1.0, "linestyle": "-", "zorder": 1}
                ax.plot((column, column + 1), ends, **style)
        for column, layer in enumerate(units):
            for kept, place in zip(layer, places[column], strict=True):
                if kept:
                    ax.scatter(column, place, s=190, color="white", edgecolor=BLUE, linewidth=1.8)
                else:
                    style = {"color": VERMILION, "markersize": 9, "linestyle": "none"}
                    ax.plot(column, place, marker="x", markeredgewidth=2, zorder=3, **style)
        ax.set(title=title, xlim=(-0.3, len(units) - 0.7))
        ax.axis("off")
    return figure


def pictures(rows: Mapping[str, np.ndarray]) -> Figure:
    """Feature maps side by side, a row for each name, all on one scale.

    Args:
        rows: name → maps (C, H, W).
    Returns:
        A Figure with one Axes per map.

    >>> len(pictures({"before": np.ones((3, 2, 2))}).axes)
    3
    """
    count = max(len(maps) for maps in rows.values())
    top = max(float(np.max(maps)) for maps in rows.values())
    size = {"figsize": (1.25 * count + 0.6, 1.35 * len(rows)), "layout": "constrained"}
    figure, axes = plt.subplots(len(rows), count, squeeze=False, **size)
    for line, (name, maps) in zip(axes, rows.items(), strict=True):
        for ax, values in zip(line, maps, strict=True):
            ax.imshow(values, vmin=0, vmax=top)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        line[0].set_ylabel(name, fontsize=10)
    return figure


def clouds(
    panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], *, xlabel: str, ylabel: str
) -> Figure:
    """Points of several kinds, and the line on which both numbers are equal.

    Args:
        panels: title → name → (x, y), both (n,).
        xlabel, ylabel: what stands at the axes.
    Returns:
        A Figure with one Axes per panel.

    >>> len(clouds({"a": {"b": (np.ones(3), np.ones(3))}}, xlabel="x", ylabel="y").axes)
    1
    """
    size = {"figsize": (4.0 * len(panels), 3.6), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), squeeze=False, **size)
    for ax, (title, kinds) in zip(axes[0], panels.items(), strict=True):
        for (name, (x, y)), colour, marker in zip(kinds.items(), COLOURS, "os^Dv", strict=False):
            style = {"color": colour, "marker": marker, "linestyle": "none", "markersize": 4}
            ax.plot(x, y, label=name, alpha=0.6, **style)
        low, high = min(*ax.get_xlim(), *ax.get_ylim()), max(*ax.get_xlim(), *ax.get_ylim())
        ax.plot((low, high), (low, high), color=INK, linewidth=1, linestyle="--")
        ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
        ax.legend(fontsize=9)
    return figure
