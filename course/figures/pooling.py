"""Pooling in pictures: windows, where the gradient goes, ties, regions of fractional size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from convnets.plots.cells import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    VERMILION,
    arrow,
    canvas,
    draw_cells,
    frame,
    note,
)

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
GAP = 1.6  # cells between two grids


def number_grids(grids: Mapping[str, np.ndarray], *, notes: Sequence[str] = ()) -> Figure:
    """Matrices side by side, every number in its cell, larger numbers on a deeper blue.

    Args:
        grids: title → finite numbers (H, W).
        notes: one line under each grid; none by default.
    Returns:
        A Figure with one Axes.

    >>> len(number_grids({"a": np.eye(2), "b": np.ones((3, 3))}).axes)
    1
    """
    figure, ax, lefts = _shelf([grid.shape for grid in grids.values()], bottom=0.9 if notes else 0)
    for left, (title, grid) in zip(lefts, grids.items(), strict=True):
        peak = float(np.abs(grid).max()) or 1.0
        fill = [[_tint(BLUE, 0.55 * abs(v) / peak) for v in row] for row in grid]
        draw_cells(ax, grid, (1, left), fill=fill)
        note(ax, 0.5, left + grid.shape[1] / 2, title)
    for left, (grid, text) in zip(lefts, zip(grids.values(), notes, strict=False), strict=False):
        note(ax, grid.shape[0] + 1.5, left + grid.shape[1] / 2, text, size=10)
    return figure


def windows(x: np.ndarray, y: np.ndarray, kernel: int, stride: int, title: str) -> Figure:
    """The windows of a pooling layer on its input, and its output in the same colours.

    Args:
        x: input (H, W).
        y: output (HO, WO); inputs equal to the output of their window are ringed.
        kernel: height and width of the window, in pixels.
        stride: step between windows, in pixels.
        title: above the output.
    Returns:
        A Figure with one Axes.

    >>> x = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> len([p for p in windows(x, x[1:, 1:], 2, 2, "max").axes[0].patches
    ...      if isinstance(p, Circle)])
    1
    """
    figure, ax, (start, out) = _shelf([x.shape, y.shape])
    draw_cells(ax, x, (1, start))
    draw_cells(ax, y, (1, out), fill=_paints(y.shape))
    note(ax, 0.5, start + x.shape[1] / 2, "input x")
    note(ax, 0.5, out + y.shape[1] / 2, title)
    for index, (i, j) in enumerate(np.ndindex(y.shape)):
        colour = COLOURS[index % len(COLOURS)]
        top, left = i * stride, j * stride
        # Outlines of overlapping windows are nested a little, so that each stays visible.
        inset = 0.06 + (0.05 * (index % 4) if kernel > stride else 0)
        side = kernel - 2 * inset
        frame(ax, 1 + top + inset, start + left + inset, side, side, colour)
        for p, q in np.argwhere(x[top : top + kernel, left : left + kernel] == y[i, j]):
            ring = {"fill": False, "edgecolor": colour, "linewidth": 2.2, "zorder": 6}
            # Where windows overlap, one value may win in several.
            radius = 0.38 - (0.05 * (index % 4) if kernel > stride else 0)
            ax.add_patch(Circle((start + left + q + 0.5, top + p + 1.5), radius, **ring))
    return figure


def gradient_routes(dy: np.ndarray, shares: np.ndarray, title: str) -> Figure:
    """Where the gradient of each output goes: arrows from dy to the inputs that receive it.

    Args:
        dy: gradient of the output (HO, WO).
        shares: ∂y[i, j] / ∂x[h, w] as (HO, WO, H, W); each that is not zero becomes an arrow.
        title: above the gradient of the input, dx = Σ dy · share.
    Returns:
        A Figure with one Axes.

    >>> shares = np.zeros((1, 1, 2, 2))
    >>> shares[0, 0, 1, 0] = 1
    >>> len(gradient_routes(np.ones((1, 1)), shares, "dx").axes)
    1
    """
    dx = np.einsum("ij,ijhw->hw", dy, shares)
    figure, ax, (start, out) = _shelf([dy.shape, dx.shape], gap=2.4)
    top = 1 + (dx.shape[0] - dy.shape[0]) / 2
    draw_cells(ax, dy, (top, start), fill=_paints(dy.shape))
    draw_cells(ax, dx, (1, out), fill=_blend(shares))
    note(ax, top - 0.5, start + dy.shape[1] / 2, "dy")
    note(ax, 0.5, out + dx.shape[1] / 2, title)
    for index, (i, j) in enumerate(np.ndindex(dy.shape)):
        for h, w in np.argwhere(shares[i, j]):
            ends = (top + i + 0.5, start + j + 0.8), (1 + h + 0.7, out + w + 0.2)
            arrow(ax, *ends, COLOURS[index % len(COLOURS)], bend=0.05)
    for text in ax.texts:  # numbers stay readable where an arrow crosses them
        text.set(zorder=7, path_effects=[withStroke(linewidth=3, foreground=PAPER)])
    return figure


def tie(a: np.ndarray, y: np.ndarray, at: float, left: float, right: float) -> Figure:
    """The output of a max window against one of its inputs, with the kink at the tie.

    Args:
        a: values of that input (n,), increasing.
        y: the output for each (n,).
        at: where the tie is.
        left, right: slopes measured on the two sides of it.
    Returns:
        A Figure with one Axes.

    >>> a = np.linspace(6, 10, 5)
    >>> [line.get_label() for line in tie(a, np.maximum(a, 8), 8, 0, 1).axes[0].lines][1:4]
    ['from the left: slope 0', 'from the right: slope 1', 'central difference: slope 0.5']
    """
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    height, reach, middle = float(np.interp(at, a, y)), 1.2, (left + right) / 2
    ax.plot(a, y, "-", color=INK, linewidth=2, label="output y")
    lift = 0.13  # above the curve, which the one-sided tangents would hide
    for sign, slope, colour, name in ((-1, left, BLUE, "left"), (1, right, VERMILION, "right")):
        ends = [at, at + sign * reach], [height + lift, height + lift + sign * reach * slope]
        ax.plot(*ends, "-", color=colour, linewidth=4, label=f"from the {name}: slope {slope:g}")
    ends = [at - reach, at + reach], [height - reach * middle, height + reach * middle]
    ax.plot(*ends, "--", color=GREEN, linewidth=2, label=f"central difference: slope {middle:g}")
    ax.plot(at, height, "o", color=INK, markersize=8)
    ax.set(xlabel="the input a", ylabel="output y")
    ax.legend(frameon=False)
    return figure


def fractional_regions(image: np.ndarray, draws: Mapping[str, tuple]) -> Figure:
    """Pooling regions over an image: a line where each region starts after the one before.

    Args:
        image: (H, W).
        draws: title → (first row of each region (HO,), first column of each region (WO,)).
    Returns:
        A Figure with one Axes per draw.

    >>> len(fractional_regions(np.eye(4), {"one": (np.arange(3), np.arange(3))}).axes)
    1
    """
    size = {"figsize": (3.1 * len(draws), 3.4), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(draws), squeeze=False, **size)
    height, width = image.shape
    for ax, (title, (rows, columns)) in zip(axes[0], draws.items(), strict=True):
        ax.imshow(image, cmap="gray", extent=(0, width, height, 0), interpolation="nearest")
        ax.hlines(rows[1:], 0, width, color=ORANGE, linewidth=2)
        ax.vlines(columns[1:], 0, height, color=ORANGE, linewidth=2)
        ax.set_title(title)
        ax.axis("off")
    return figure


def channel_bars(vectors: Mapping[str, np.ndarray]) -> Figure:
    """Values across the channels at one pixel, as grouped bars.

    Args:
        vectors: name → values (C,); three at most.
    Returns:
        A Figure with one Axes.

    >>> len(channel_bars({"before": np.ones(3), "after": np.ones(3)}).axes[0].patches)
    6
    """
    figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
    width = 0.8 / len(vectors)
    for k, (name, values) in enumerate(vectors.items()):
        places = np.arange(len(values)) + (k - (len(vectors) - 1) / 2) * width
        look = {"color": COLOURS[k], "hatch": ("", "///", "...")[k], "edgecolor": "white"}
        ax.bar(places, values, width, label=name, **look)
    ax.set_xticks(np.arange(len(values)))
    ax.set(xlabel="channel", ylabel="value")
    ax.legend(frameon=False)
    return figure


def _shelf(shapes: Sequence[tuple[int, int]], bottom: float = 0, gap: float = GAP):
    """Figure, axes, and the left edge of each grid when they stand side by side below titles."""
    widths = np.array([max(width, 3) for _, width in shapes])  # a title needs three cells
    starts = np.cumsum(widths + gap) - widths - gap
    lefts = starts + (widths - [width for _, width in shapes]) / 2 + 0.3
    height = max(height for height, _ in shapes) + 1.2 + bottom
    figure, ax = canvas(starts[-1] + widths[-1] + 0.6, height)
    return figure, ax, lefts


def _tint(colour: str, strength: float) -> tuple[float, ...]:
    """`colour` mixed into white; 0 gives white and 1 the colour."""
    return tuple(1 - strength * (1 - channel) for channel in to_rgb(colour))


def _paints(shape: tuple[int, int]) -> np.ndarray:
    """One pale colour per output, in the order of the windows: (HO, WO, 3)."""
    paints = [_tint(COLOURS[k % len(COLOURS)], 0.3) for k in range(shape[0] * shape[1])]
    return np.array(paints).reshape(*shape, 3)


def _blend(shares: np.ndarray) -> np.ndarray:
    """The colour of each input: the mean of the outputs that reach it, white where none does."""
    paints = _paints(shares.shape[:2])
    reached = (shares != 0).astype(float)
    total = reached.sum(axis=(0, 1))[..., None]
    mean = np.einsum("ijhw,ijc->hwc", reached, paints) / np.maximum(total, 1)
    return np.where(total > 0, mean, to_rgb(PAPER))
