"""Batch normalisation in pictures: inputs that drift, its graph, and what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from convnets.plots import COLOURS, DASHES
from convnets.plots.cells import BLUE, INK, INPUT, OUTPUT, VERMILION

MARKERS = ("o", "s", "^", "D", "v", "P")

# (column, row) of each node of the graph, and its edges.
PLACES = {
    "x": (0, 1), "μ": (1, 0), "σ²": (2, 0), "x̂": (3, 1), "y": (4.4, 1), "γ": (4.4, 0), "β": (4.4, 2)
}  # fmt: skip
# Where value and gradient are written, from the middle of the node: no arrow runs there.
LABELS = {
    "x": ((0, 0.28), (0, 0.5)), "μ": ((0, -0.27), (0, 0.28)), "σ²": ((0, -0.27), (0, 0.28)),
    "x̂": ((0, 0.28), (0, 0.5)), "y": ((0.66, -0.11), (0.66, 0.11)),
    "γ": ((0.36, -0.11), (0.36, 0.11)), "β": ((0.36, -0.11), (0.36, 0.11)),
}  # fmt: skip
EDGES = (
    ("x", "μ"), ("x", "σ²"), ("μ", "σ²"), ("x", "x̂"), ("μ", "x̂"), ("σ²", "x̂"),
    ("x̂", "y"), ("γ", "y"), ("β", "y"),
)  # fmt: skip


def drift(steps: Sequence[int], layers: Mapping[str, np.ndarray]) -> Figure:
    """What goes into one unit of each layer, over the steps of a training.

    Args:
        steps: (T,) where it was looked at.
        layers: title → (T, N) values for the same N images.
    Returns:
        A Figure with one Axes per layer: median, and bands that hold 70 and 95 % of the images.

    >>> len(drift([0, 1], {"a": np.zeros((2, 9))}).axes)
    1
    """
    size = {"figsize": (3.0 * len(layers), 3.2), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(layers), sharey=True, squeeze=False, **size)
    for ax, (title, values) in zip(axes[0], layers.items(), strict=True):
        for share, alpha in ((95, 0.18), (70, 0.35)):
            ends = np.percentile(values, [50 - share / 2, 50 + share / 2], axis=1)
            label = f"{share} % of the images"
            ax.fill_between(steps, *ends, color=BLUE, alpha=alpha, linewidth=0, label=label)
        ax.plot(steps, np.median(values, axis=1), color=BLUE, linestyle="-", label="median")
        ax.axhline(0, color="0.5", linewidth=0.8, linestyle="-")
        ax.set(title=title, xlabel="step")
    axes[0, 0].set_ylabel("input of the unit")
    axes[0, 0].legend(fontsize=9, loc="upper left")
    return figure


def lines(
    x: Sequence[float],
    panels: Mapping[str, Mapping[str, np.ndarray]],
    *,
    xlabel: str,
    **settings,
) -> Figure:
    """Curves against x in one or more panels, marked every so often.

    Args:
        x: (n,) values.
        panels: what stands at the y axis → name of a curve → (n,) values, or (seeds, n) whose
            mean is drawn with the range as a band.
        xlabel: what stands at the x axes.
        settings: for `Axes.set` of all panels.
    Returns:
        A Figure with one Axes per panel.

    >>> len(lines([0, 1], {"y": {"a": np.zeros(2)}}, xlabel="x").axes)
    1
    """
    size = {"figsize": (max(5.6, 4.4 * len(panels)), 3.3), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), squeeze=False, **size)
    for ax, (ylabel, curves) in zip(axes[0], panels.items(), strict=True):
        looks = zip(COLOURS, DASHES, MARKERS, strict=False)
        for (name, values), (colour, dash, marker) in zip(curves.items(), looks, strict=False):
            values = np.atleast_2d(values)
            style = {"color": colour, "linestyle": dash, "marker": marker}
            style["markevery"] = max(1, len(x) // 8)
            ax.plot(x, values.mean(axis=0), label=name, **style)
            if len(values) > 1:
                band = {"color": colour, "alpha": 0.15, "linewidth": 0}
                ax.fill_between(x, values.min(axis=0), values.max(axis=0), **band)
        ax.set(xlabel=xlabel, ylabel=ylabel, **settings)
        ax.minorticks_off()
    axes[0, 0].legend(fontsize=9)
    return figure


def graph(values: Mapping[str, str], gradients: Mapping[str, str] | None = None) -> Figure:
    """The graph of batch normalisation, with a value and a gradient at each node.

    Args:
        values: name of a node ("x", "μ", "σ²", "x̂", "γ", "β", "y") → its value.
        gradients: the same for the gradients of the loss; none by default.
    Returns:
        A Figure with one Axes.

    >>> figure = graph({"μ": "8"}, {"μ": "−0.4"})
    >>> "8" in [text.get_text() for text in figure.axes[0].texts]
    True
    """
    figure, ax = plt.subplots(figsize=(9, 3.9), layout="constrained")
    ax.set(xlim=(-0.6, 5.5), ylim=(2.3, -0.45))
    ax.axis("off")
    for start, end in EDGES:
        bend = {("x", "σ²"): -0.08, ("μ", "x̂"): 0.0}.get((start, end), 0.0)
        arrow = {"arrowstyle": "-|>", "mutation_scale": 13, "linewidth": 1.3, "color": "0.45"}
        arrow |= {"shrinkA": 21, "shrinkB": 23, "connectionstyle": f"arc3,rad={bend}"}
        ax.add_patch(FancyArrowPatch(PLACES[start], PLACES[end], zorder=1, **arrow))
    for name, (column, row) in PLACES.items():
        fill = OUTPUT if name == "y" else INPUT if name in "xγβ" else "#FFFFFF"
        corner, style = (column - 0.17, row - 0.13), "round,pad=0.02,rounding_size=0.06"
        box = FancyBboxPatch(corner, 0.34, 0.26, boxstyle=style, facecolor=fill, edgecolor=INK)
        ax.add_patch(box)
        middle = {"ha": "center", "va": "center"}
        ax.text(column, row, name, fontsize=13, color=INK, **middle)
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        written = ((values, BLUE, "normal"), (gradients or {}, VERMILION, "italic"))
        for (numbers, colour, slant), place in zip(written, LABELS[name], strict=True):
            if name in numbers:
                look = {"fontsize": 10, "color": colour, "style": slant, "bbox": back}
                ax.text(column + place[0], row + place[1], numbers[name], **middle, **look)
    return figure


def bars(heights: Mapping[str, Sequence[float]], *, ylabel: str, line: float | None = None):
    """One bar for each name, with a dot for each seed and the mean written on top.

    Args:
        heights: name → (seeds,) values.
        ylabel: what was measured.
        line: a height to compare with, drawn across.
    Returns:
        A Figure with one Axes.

    >>> [text.get_text() for text in bars({"a": [1.0, 3.0]}, ylabel="y").axes[0].texts]
    ['2']
    """
    size = (max(5.0, 1.05 * len(heights) + 1), 3.6)
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    for place, values in enumerate(heights.values()):
        ax.bar(place, np.mean(values), width=0.6, color=COLOURS[5], edgecolor=INK, linewidth=0.7)
        ax.plot([place] * len(values), values, "o", color=INK, markersize=3, alpha=0.6)
        top = max(np.max(values), np.mean(values))
        ax.annotate(f"{np.mean(values):.0f}", (place, top), xytext=(0, 4),
                    textcoords="offset points", ha="center")  # fmt: skip
    if line is not None:
        ax.axhline(line, color=VERMILION, linestyle="--", linewidth=1.2)
    ax.set_xticks(range(len(heights)), list(heights), fontsize=10)
    ax.set(ylabel=ylabel)
    ax.grid(False, axis="x")
    return figure
