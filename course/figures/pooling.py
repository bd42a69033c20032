"""Pooling in pictures: windows, where the gradient goes, ties, regions of fractional size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from convnets.plots.cells import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    canvas,
    draw_cells,
    frame,
    note,
    number,
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


def shares(forward: Callable, backward: Callable, x: np.ndarray, *window) -> np.ndarray:
    """How much of each output's gradient each input gets, by a backward pass for every output.

    Args:
        forward, backward: such as `convnets.functional.max_pool2d` and its backward.
        x: one image with one channel (1, 1, H, W).
        window: what `forward` takes besides: kernel, stride.
    Returns:
        ∂y[i, j] / ∂x[h, w] as (HO, WO, H, W).

    >>> from convnets.functional import avg_pool2d, avg_pool2d_backward
    >>> shares(avg_pool2d, avg_pool2d_backward, np.ones((1, 1, 2, 2)), 2).tolist()
    [[[[0.25, 0.25], [0.25, 0.25]]]]
    """
    height, width = forward(x, *window)[0].shape[2:]
    count = height * width
    _, cache = forward(np.repeat(x, count, axis=0), *window)
    dx = backward(np.eye(count).reshape(count, 1, height, width), cache)
    return dx.reshape(height, width, *x.shape[2:])


def gradient_routes(dy: np.ndarray, shares: np.ndarray, title: str) -> Figure:
    """Where the gradient of each output goes: inputs have the colours of the outputs they feed.

    Args:
        dy: gradient of the output (HO, WO), a colour for each.
        shares: ∂y[i, j] / ∂x[h, w] as (HO, WO, H, W). An input that several outputs reach has a
            stripe for each, and its sum written out.
        title: above the gradient of the input, dx = Σ dy · share.
    Returns:
        A Figure with one Axes.

    >>> shares = np.zeros((1, 1, 2, 2))
    >>> shares[0, 0, 1, 0] = 1
    >>> len(gradient_routes(np.ones((1, 1)), shares, "dx").axes)
    1
    """
    sent = dy[:, :, None, None] * shares
    dx = sent.sum(axis=(0, 1))
    figure, ax, (start, out) = _shelf([dy.shape, dx.shape], gap=1.6)
    top = 1 + (dx.shape[0] - dy.shape[0]) / 2
    paints = _paints(dy.shape)
    draw_cells(ax, dy, (top, start), fill=paints)
    note(ax, top - 0.5, start + dy.shape[1] / 2, "dy")
    note(ax, 0.5, out + dx.shape[1] / 2, title)
    label = [[number(value) for value in row] for row in dx]
    for h, w in np.ndindex(dx.shape):
        sources = np.argwhere(shares[:, :, h, w])
        for k, (i, j) in enumerate(sources):
            stripe = {"facecolor": paints[i, j], "edgecolor": "none", "zorder": 0.5}
            place = (out + w + k / len(sources), 1 + h)
            ax.add_patch(Rectangle(place, 1 / len(sources), 1, **stripe))
        if len(sources) > 1:
            terms = [number(sent[i, j, h, w]) for i, j in sources]
            lines = [" + ".join(terms[k : k + 2]) for k in range(0, len(terms), 2)]
            label[h][w] = f"{label[h][w]} =\n" + "\n+ ".join(lines)
    small = 8 if any("=" in text for row in label for text in row) else 11
    draw_cells(ax, dx, (1, out), fill=_none(dx.shape), text=label, size=small)
    return figure


def _none(shape: tuple[int, int]) -> list[list[str]]:
    """No paint for any cell."""
    return [["none"] * shape[1]] * shape[0]


def tie(
    a: np.ndarray, y: np.ndarray, at: float, marked: Mapping[str, float] | None = None
) -> Figure:
    """The output of a max window against one of its inputs, rising or flat, kinked at a tie.

    Args:
        a: values of that input (n,), increasing.
        y: the output for each (n,).
        at: where the tie is.
        marked: label → a value of that input, drawn as a point.
    Returns:
        A Figure with one Axes.

    >>> a = np.linspace(6, 10, 5)
    >>> [line.get_label() for line in tie(a, np.maximum(a, 8), 8).axes[0].lines][1:4]
    ['from the left: slope 0', 'from the right: slope 1', 'central difference: slope 0.5']
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    height, reach = float(np.interp(at, a, y)), 1.2
    left, right = (abs(np.interp(at + d, a, y) - height) / reach for d in (-reach, reach))
    middle = (left + right) / 2
    ax.plot(a, y, "-", color=INK, linewidth=2, label="output y")
    lift = 0.15  # above the curve, which the one-sided tangents would hide
    for sign, slope, colour, name in ((-1, left, BLUE, "left"), (1, right, VERMILION, "right")):
        ends = [at, at + sign * reach], [height + lift, height + lift + sign * reach * slope]
        ax.plot(*ends, "-", color=colour, linewidth=4, label=f"from the {name}: slope {slope:g}")
    ends = [at - reach, at + reach], [height - reach * middle, height + reach * middle]
    ax.plot(*ends, "--", color=GREEN, linewidth=2, label=f"central difference: slope {middle:g}")
    ax.plot(at, height, "o", color=INK, markersize=8)
    for label, value in (marked or {}).items():
        place = (value, float(np.interp(value, a, y)))
        ax.plot(*place, "s", color=PURPLE, markersize=7)
        ax.annotate(label, place, (6, -14), textcoords="offset points", color=INK)
    ax.set(xlabel="the input a", ylabel="output y")
    ax.legend(frameon=False)
    return figure


def fractional_regions(
    image: np.ndarray, draws: Mapping[str, tuple], columns: int | None = None
) -> Figure:
    """Pooling regions over an image: a line where each region starts after the one before.

    Args:
        image: (H, W).
        draws: title → (first row of each region (HO,), first column of each region (WO,)).
        columns: pictures in a row, by default all.
    Returns:
        A Figure with one Axes per draw.

    >>> len(fractional_regions(np.eye(4), {"one": (np.arange(3), np.arange(3))}).axes)
    1
    """
    across = columns or len(draws)
    down = -(-len(draws) // across)
    size = {"figsize": (2.5 * across, 2.8 * down), "layout": "constrained"}
    figure, axes = plt.subplots(down, across, squeeze=False, **size)
    height, width = image.shape
    for ax, (title, (rows, places)) in zip(axes.flat, draws.items(), strict=True):
        ax.imshow(image, cmap="gray", extent=(0, width, height, 0), interpolation="nearest")
        ax.hlines(rows[1:], 0, width, color=ORANGE, linewidth=1.6)
        ax.vlines(places[1:], 0, height, color=ORANGE, linewidth=1.6)
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
