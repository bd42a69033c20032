"""Measurements over several seeds: every seed is drawn, never only the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convnets.plots.cells import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILION

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


def spreads(
    x: Sequence[float],
    panels: Mapping[str, Mapping[str, np.ndarray]],
    *,
    xlabel: str,
    ylabel: str,
    log2: bool = False,
) -> Figure:
    """Measurements against x: a line through the means and a dot for each seed.

    Args:
        x: (n,) values of the quantity that was varied.
        panels: panel title → name of a method → measurements (seeds, n); six methods at most.
        xlabel, ylabel: what stands at the axes.
        log2: x on a base-2 logarithmic scale.
    Returns:
        A Figure with one Axes per panel, all on one y scale.

    >>> len(spreads([1, 2], {"a": {"max": np.ones((3, 2))}}, xlabel="x", ylabel="y").axes)
    1
    """
    size = {"figsize": (4.6 * len(panels), 3.4), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), sharey=True, squeeze=False, **size)
    for ax, (title, methods) in zip(axes[0], panels.items(), strict=True):
        for (name, values), *look in zip(methods.items(), COLOURS, MARKERS, DASHES, strict=False):
            look = dict(zip(("color", "marker", "linestyle"), look, strict=True))
            ax.plot(x, values.mean(axis=0), label=name, **look)
            dots = look | {"linestyle": "none", "markersize": 3, "alpha": 0.4}
            ax.plot(np.tile(x, len(values)), values.ravel(), **dots)
        if log2:
            ax.set_xscale("log", base=2)
        ax.set_xticks(x, [f"{value:g}" for value in x])
        ax.minorticks_off()
        ax.set(title=title, xlabel=xlabel)
    axes[0, 0].set_ylabel(ylabel)
    axes[0, 0].legend(frameon=False)
    return figure


def paired(results: Mapping[str, Sequence[float]], *, ylabel: str) -> Figure:
    """The same seeds under several variants: a line joins each seed, a bar marks the mean.

    Args:
        results: name of a variant → one number per seed, with the seeds in one order.
        ylabel: what was measured.
    Returns:
        A Figure with one Axes; mean ± standard deviation stands under each name.

    >>> figure = paired({"max": [98.0, 99.0], "average": [97.0, 98.0]}, ylabel="accuracy")
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['max\\n98.5 ± 0.7', 'average\\n97.5 ± 0.7']
    """
    figure, ax = plt.subplots(figsize=(1.7 * len(results) + 1.2, 3.8), layout="constrained")
    table = np.array(list(results.values()), dtype=float)
    places = np.arange(len(table))
    for seed, row in enumerate(table.T):
        ax.plot(places, row, color="0.75", linestyle="-", linewidth=0.8, zorder=1)
        ax.scatter(places, row, marker=MARKERS[seed % len(MARKERS)], zorder=2,
                   color=COLOURS[seed % len(COLOURS)])  # fmt: skip
    ax.hlines(table.mean(axis=1), places - 0.22, places + 0.22, color=INK, linewidth=3)
    under = [f"{row.mean():.1f} ± {row.std(ddof=1):.1f}" for row in table]
    ax.set_xticks(places, [f"{name}\n{text}" for name, text in zip(results, under, strict=True)])
    ax.set(ylabel=ylabel, xlim=(-0.5, len(table) - 0.5))
    return figure


def intervals(
    means: Sequence[float], halves: Sequence[float], names: Sequence[str], *, xlabel: str
) -> Figure:
    """Means with their confidence intervals, one line each, and zero for comparison.

    Args:
        means: (n,).
        halves: (n,) half-width of each interval.
        names: (n,) what each is about, first on top.
        xlabel: what was measured.
    Returns:
        A Figure with one Axes.

    >>> figure = intervals([1.0, 0.1], [0.5, 0.5], ["average", "strided"], xlabel="difference")
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['average', 'strided']
    """
    figure, ax = plt.subplots(figsize=(7, 0.9 + 0.45 * len(means)), layout="constrained")
    places = np.arange(len(means))
    ax.axvline(0, color="0.6", linestyle="--", linewidth=1)
    ax.errorbar(means, places, xerr=halves, fmt="o", color=BLUE, capsize=5, linewidth=2)
    ax.set_yticks(places, names)
    ax.set(xlabel=xlabel, ylim=(len(means) - 0.5, -0.5))
    return figure
