"""Pictures of neurons: one of them, their activations, layers, and what they draw in the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from convnets.plots import COLOURS, DASHES, SIGNED
from convnets.plots.cells import INK, INPUT, KERNEL, OUTPUT, number


def neuron(x: Sequence[float], w: Sequence[float], b: float, activation: Callable) -> Figure:
    """One neuron with its numbers: inputs, weights on the edges, the sum, the activation.

    Args:
        x, w: (D,) inputs and weights.
        b: the bias, drawn as the weight of an input that is always 1.
        activation: of one number.

    >>> figure = neuron([1, 2], [2, -1], 1, np.tanh)
    >>> [text.get_text() for text in figure.axes[0].texts][-2:]
    ['g(z)', '0.762']
    """
    inputs, weights = [1.0, *x], [b, *w]
    z = float(np.dot(inputs, weights))
    figure, ax = _bare(7.2, 0.95 * len(inputs) + 0.3)
    middle = -(len(inputs) - 1) / 2
    for j, (value, weight) in enumerate(zip(inputs, weights, strict=True)):
        _disc(ax, (0, -j), INPUT, number(value))
        name = "bias" if j == 0 else f"$x_{j}$"
        ax.text(-0.55, -j, name, ha="right", va="center", fontsize=11)
        _arrow(ax, (0, -j), (2.4, middle))
        _on_line(
            ax, (0, -j), (2.4, middle), 0.4, f"{'b' if j == 0 else f'w{j}'} = {number(weight)}"
        )
    _disc(ax, (2.4, middle), KERNEL, "Σ")
    _arrow(ax, (2.4, middle), (4.2, middle))
    ax.text(3.3, middle + 0.2, f"z = {number(z)}", ha="center", fontsize=11)
    _disc(ax, (4.2, middle), OUTPUT, "g")
    _arrow(ax, (4.2, middle), (5.8, middle))
    ax.text(5.0, middle + 0.2, "g(z)", ha="center", fontsize=11)
    ax.text(5.95, middle, number(float(activation(np.array(z)))), va="center", fontsize=12)
    ax.set(xlim=(-1.3, 6.8), ylim=(-len(inputs) + 0.45, 0.55))
    return figure


def plane(
    values: np.ndarray,
    reach: float,
    *,
    points: Mapping[str, tuple[np.ndarray, str]] | None = None,
    levels: Sequence[float] = (),
    label: str = "",
    limits: tuple[float, float] = (0, 1),
) -> Figure:
    """A function of two inputs as colours, with lines of equal value and points on top.

    Args:
        values: (R, R) over [−reach, reach]², rows from below.
        points: name → ((n, 2) points, marker).
        levels: values whose lines are drawn.
        label: of the colour bar.
        limits: values of the darkest and the lightest colour.
    """
    figure, ax = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
    extent = (-reach, reach, -reach, reach)
    shown = {"extent": extent, "origin": "lower", "cmap": SIGNED}
    image = ax.imshow(values, vmin=limits[0], vmax=limits[1], **shown)
    axis = np.linspace(-reach, reach, len(values))
    if levels:
        lines = ax.contour(
            axis, axis, values, levels=sorted(levels), colors="black", linewidths=1.3
        )
        ax.clabel(lines, fontsize=9)
    for name, (place, marker) in (points or {}).items():
        ax.plot(*np.asarray(place).T, marker, label=name, markersize=8, mec="black", mfc="white")
    if points:
        ax.legend(loc="upper left", frameon=True)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.grid(False)
    figure.colorbar(image, label=label)
    return figure


def activations(z: np.ndarray, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Activation functions to the left, their derivatives to the right.

    Args:
        z: (n,) inputs.
        pairs: name → (values, derivatives), each (n,); six at most.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for (name, both), colour, dashes in zip(pairs.items(), COLOURS, DASHES, strict=False):
        for ax, values in zip(axes, both, strict=True):
            ax.plot(z, values, color=colour, linestyle=dashes, label=name)
    axes[0].set(xlabel="z", ylabel="g(z)", ylim=(-1.2, 3))
    axes[1].set(xlabel="z", ylabel="g′(z)", ylim=(-0.1, 1.1))
    axes[0].legend()
    return figure


def layers(sizes: Sequence[int], names: Sequence[str]) -> Figure:
    """A network of fully connected layers: a disc for each number, a line for each weight.

    Args:
        sizes: numbers of each layer, inputs first.
        names: what stands under each layer.

    >>> figure = layers([2, 3, 1], ["inputs", "hidden", "output"])
    >>> len(figure.axes[0].lines), len(figure.axes[0].patches)
    (9, 6)
    """
    tallest = max(sizes)
    figure, ax = _bare(1.9 * len(sizes), 0.62 * tallest + 0.6)
    columns = [[(2.2 * c, (size - 1) / 2 - i) for i in range(size)] for c, size in enumerate(sizes)]
    for left, right in pairwise(columns):
        for start in left:
            for end in right:
                ax.plot(*zip(start, end, strict=True), "-", color="0.6", linewidth=0.9, zorder=1)
    for c, (column, name) in enumerate(zip(columns, names, strict=True)):
        colour = INPUT if c == 0 else OUTPUT
        for place in column:
            _disc(ax, place, colour, "")
        ax.text(2.2 * c, -tallest / 2 - 0.25, name, ha="center", va="top", fontsize=11)
    ax.set(xlim=(-0.8, 2.2 * (len(sizes) - 1) + 0.8), ylim=(-tallest / 2 - 0.9, tallest / 2))
    return figure


def scatters(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: tuple[str, str],
    lines: Mapping[str, np.ndarray] | None = None,
) -> Figure:
    """Points of two classes in several planes, side by side.

    Args:
        panels: "what x is|what y is" → (points (n, 2), classes (n,) of 0 and 1).
        names: of the classes.
        lines: key of a panel → (2, 2) two points of a line to draw.
    """
    size = {"figsize": (4.5 * len(panels), 4.0), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), squeeze=False, **size)
    for ax, (key, (points, classes)) in zip(axes[0], panels.items(), strict=True):
        few = len(points) < 20
        for k, marker in ((0, "o"), (1, "^")):
            look = {"color": COLOURS[k], "markersize": 11 if few else 4, "label": names[k]}
            ax.plot(*points[classes == k].T, marker, **look)
        ax.margins(0.15)
        if lines and key in lines:
            ax.autoscale_view()
            ax.autoscale(False)  # the line has no end
            ax.axline(*lines[key], color="black", linestyle="--", linewidth=1.5)
        xlabel, ylabel = key.split("|")
        ax.set(xlabel=xlabel, ylabel=ylabel)
    axes[0, 0].legend(frameon=True, loc="best")
    return figure


def step_sizes(steps: np.ndarray, errors: Mapping[str, np.ndarray]) -> Figure:
    """Relative error of numeric gradients against their step, both axes logarithmic.

    Args:
        steps: (n,).
        errors: name → (n,).
    """
    figure, ax = plt.subplots(figsize=(6.6, 3.8), layout="constrained")
    for (name, values), marker in zip(errors.items(), "os^", strict=False):
        ax.loglog(steps, values, marker=marker, label=name)
    ax.set(xlabel="step h", ylabel="relative error", ylim=(1e-12, 3))
    ax.legend(loc="lower left")
    return figure


def maps(rows: Mapping[str, np.ndarray], reach: float) -> Figure:
    """What each neuron answers over the plane, layer under layer, each map on a scale of its own.

    Args:
        rows: name of a layer → (M, R, R) values of its neurons over [−reach, reach]².
    """
    columns = max(len(values) for values in rows.values())
    size = {"figsize": (1.1 * columns + 0.9, 1.15 * len(rows)), "layout": "constrained"}
    figure, axes = plt.subplots(len(rows), columns, squeeze=False, **size)
    for line, (name, values) in zip(axes, rows.items(), strict=True):
        for ax in line:
            ax.axis("off")
        for ax, value in zip(line, values, strict=False):
            top = float(np.abs(value).max()) or 1.0
            ax.imshow(value, origin="lower", cmap=SIGNED, vmin=-top, vmax=top)
        line[0].text(-0.12, 0.5, name, transform=line[0].transAxes, ha="right", va="center",
                     fontsize=10)  # fmt: skip
    return figure


def _bare(width: float, height: float):
    figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
    ax.set_aspect("equal")
    ax.axis("off")
    return figure, ax


def _disc(ax, place, colour: str, text: str, radius: float = 0.33) -> None:
    ax.add_patch(Circle(place, radius, facecolor=colour, edgecolor=INK, linewidth=1, zorder=3))
    if text:
        ax.text(*place, text, ha="center", va="center", fontsize=12, zorder=4)


def _arrow(ax, start, end, radius: float = 0.33) -> None:
    (x0, y0), (x1, y1) = start, end
    length = np.hypot(x1 - x0, y1 - y0)
    dx, dy = radius * (x1 - x0) / length, radius * (y1 - y0) / length
    style = {"arrowstyle": "-|>", "mutation_scale": 12, "linewidth": 1.2, "color": "0.35"}
    ax.add_patch(FancyArrowPatch((x0 + dx, y0 + dy), (x1 - dx, y1 - dy), zorder=2, **style))


def _on_line(ax, start, end, part: float, text: str) -> None:
    x, y = (a + part * (b - a) for a, b in zip(start, end, strict=True))
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
    ax.text(x, y, text, ha="center", va="center", fontsize=10.5, zorder=5, bbox=box)
