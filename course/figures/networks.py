"""Pictures of what networks represent: steps, pieces, regions, loss surfaces, probes by depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from convnets.plots import COLOURS, DASHES

MARKERS = "os^Dv"


def surfaces(
    losses: Mapping[str, Callable], paths: Mapping[str, np.ndarray], reach: float, names=("w", "b")
) -> Figure:
    """Loss functions of two parameters as lines of equal height, with the paths of descents.

    Args:
        losses: title → function of two arrays.
        paths: title → (steps, starts, 2) points; a dot marks where a path ends.
        reach: of both axes.
        names: of the parameters.
    """
    axis = np.linspace(-reach, reach, 161)
    grid = np.meshgrid(axis, axis)
    size = {"figsize": (4.6 * len(losses), 4.3), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(losses), squeeze=False, **size)
    for ax, (title, loss) in zip(axes[0], losses.items(), strict=True):
        heights = loss(*grid)
        levels = np.quantile(heights, np.linspace(0.002, 0.98, 16))
        ax.contour(axis, axis, heights, levels=np.unique(levels), cmap="Greys_r", linewidths=0.9)
        for path in paths[title].swapaxes(0, 1):
            ax.plot(*path.T, "-", color=COLOURS[0], linewidth=1.1, alpha=0.8)
            ax.plot(*path[0], "o", color="white", mec=COLOURS[0], markersize=4)
            ax.plot(*path[-1], "o", color=COLOURS[1], markersize=7, zorder=4)
        ax.set(title=title, xlabel=names[0], ylabel=names[1], xlim=(-reach, reach))
        ax.set(ylim=(-reach, reach))
        ax.grid(False)
    return figure


def approximations(x: np.ndarray, target: np.ndarray, panels: Mapping[str, np.ndarray]) -> Figure:
    """A function and what networks make of it, one panel each.

    Args:
        x, target: (n,).
        panels: title → (n,).
    """
    size = {"figsize": (3.05 * len(panels), 2.9), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), sharey=True, squeeze=False, **size)
    for ax, (title, values) in zip(axes[0], panels.items(), strict=True):
        ax.plot(x, target, color="0.55", linestyle="-", linewidth=3, label="function")
        ax.plot(x, values, color=COLOURS[1], linestyle="-", linewidth=1.4, label="network")
        ax.set(title=title, xlabel="x")
    axes[0, 0].legend(fontsize=9)
    return figure


def falls(
    widths: Sequence[float],
    curves: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    ylabel: str,
    bounds: Mapping[str, np.ndarray] | None = None,
) -> Figure:
    """Errors against width, both axes logarithmic: a line for the medians, a dot for each seed.

    Args:
        widths: (n,).
        curves: name → (n,) or (seeds, n).
        bounds: name → (n,), thin grey lines.
    """
    figure, ax = plt.subplots(figsize=(6.8, 4.0), layout="constrained")
    for (name, values), dashes in zip((bounds or {}).items(), DASHES[1:], strict=False):
        ax.plot(widths, values, color="0.5", linewidth=1.2, linestyle=dashes, label=name)
    for (name, values), colour, marker in zip(curves.items(), COLOURS, MARKERS, strict=False):
        values = np.atleast_2d(values)
        look = {"color": colour, "marker": marker}
        ax.plot(widths, np.median(values, axis=0), linestyle="-", label=name, **look)
        if len(values) > 1:
            dots = np.tile(widths, len(values)), values.ravel()
            ax.plot(*dots, linestyle="none", markersize=3, alpha=0.35, **look)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    ax.set_xticks(widths, [f"{width:g}" for width in widths])
    ax.minorticks_off()
    ax.legend(fontsize=9)
    return figure


def regions(panels: Mapping[str, np.ndarray], reach: float) -> Figure:
    """Pieces of the plane in which a network is linear, in alternating colours.

    Args:
        panels: title → (R, R) numbers, one for each piece.
        reach: of both axes.
    """
    palette = np.random.default_rng(0).uniform(0.45, 0.97, (64, 3))
    size = {"figsize": (2.6 * len(panels), 2.9), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), squeeze=False, **size)
    shown = {"extent": (-reach, reach, -reach, reach), "origin": "lower"}
    for ax, (title, pieces) in zip(axes[0], panels.items(), strict=True):
        ax.imshow(pieces % 64, cmap=ListedColormap(palette), vmin=0, vmax=63, **shown)
        ax.set(title=title, xticks=(), yticks=())
        ax.grid(False)
    return figure


def pieces(x: np.ndarray, rows: Mapping[str, np.ndarray]) -> Figure:
    """Functions of one number, one panel each.

    Args:
        x: (n,).
        rows: title → (n,).
    """
    size = {"figsize": (3.0 * len(rows), 2.4), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(rows), sharey=True, squeeze=False, **size)
    for ax, (title, values) in zip(axes[0], rows.items(), strict=True):
        ax.plot(x, values, color=COLOURS[0], linestyle="-", linewidth=1.3)
        ax.set(title=title, xlabel="x")
    return figure


def by_depth(names: Sequence[str], curves: Mapping[str, np.ndarray], *, ylabel: str) -> Figure:
    """A measurement at each depth of a network: a dot for each seed, a line through the means.

    Args:
        names: (n,) of the depths.
        curves: name → (seeds, n).
    """
    figure, ax = plt.subplots(figsize=(6.8, 3.9), layout="constrained")
    places = np.arange(len(names))
    for k, (name, values) in enumerate(curves.items()):
        look = {"color": COLOURS[k], "marker": MARKERS[k], "linestyle": DASHES[k]}
        ax.plot(places, values.mean(axis=0), label=name, **look)
        dots = look | {"linestyle": "none", "markersize": 3, "alpha": 0.4}
        ax.plot(np.tile(places + 0.06 * (k + 1), len(values)), values.ravel(), **dots)
    ax.set_xticks(places, names)
    ax.set(ylabel=ylabel)
    ax.legend()
    return figure
