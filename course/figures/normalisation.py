"""Normalisation in pictures: which numbers share a mean, and a weight on its sphere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Polygon

from convnets.plots import COLOURS
from convnets.plots.cells import INK

SHARED, MARKED, OTHER = COLOURS[5], COLOURS[1], "#FFFFFF"
DEPTH = (0.45, 0.32)  # where one image further back is drawn, in cells to the right and up


def cubes(panels: Mapping[str, np.ndarray], notes: Sequence[str] = ()) -> Figure:
    """Activations as blocks of cells, images one behind the other, and which share one mean.

    Args:
        panels: title → (N, C, S) booleans, S places of a map: cells whose mean is that of the
            cell (0, C − 1, 0), which is on top at the front edge, and marked.
        notes: what stands under each block; nothing by default.
    Returns:
        A Figure with one Axes per panel.

    >>> len(cubes({"all": np.ones((2, 3, 2), bool)}).axes)
    1
    """
    size = {"figsize": (2.3 * len(panels), 3.0), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(panels), squeeze=False, **size)
    notes = list(notes) or [""] * len(panels)
    for ax, (title, shared), note in zip(axes[0], panels.items(), notes, strict=True):
        _block(ax, shared)
        ax.set_title(title)
        n, c, s = shared.shape
        reach = c + DEPTH[0] * n, s + DEPTH[1] * n
        ax.text(c / 2, -0.25, "C", ha="center", va="top")
        ax.text(-0.2, s / 2, "H·W", ha="right", va="center")
        ax.text(c + 0.25 + DEPTH[0] * n / 2, DEPTH[1] * n / 2 - 0.1, "N", ha="left", va="top")
        ax.text(reach[0] / 2, -1.0, note, ha="center", va="top", fontsize=10)
        ax.set(xlim=(-1.3, reach[0] + 0.3), ylim=(-2.2, reach[1] + 0.1), aspect="equal")
        ax.axis("off")
    return figure


def _block(ax, shared: np.ndarray) -> None:
    """The three faces that are seen: front, top and right."""
    n, c, s = shared.shape
    across, up, back = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array(DEPTH)
    top = s * up
    for j, k in np.ndindex(c, s):
        _face(ax, j * across + (s - 1 - k) * up, across, up, shared[0, j, k], (0, j, k), c)
    for i, j in np.ndindex(n, c):
        _face(ax, top + j * across + i * back, across, back, shared[i, j, 0], (i, j, 0), c)
    for i, k in np.ndindex(n, s):
        corner = c * across + (s - 1 - k) * up + i * back
        _face(ax, corner, up, back, shared[i, c - 1, k], (i, c - 1, k), c)


def _face(ax, corner, one, other, is_shared: bool, cell: tuple, channels: int) -> None:
    colour = SHARED if is_shared else OTHER
    if cell == (0, channels - 1, 0):
        colour = MARKED
    corners = [corner, corner + one, corner + one + other, corner + other]
    ax.add_patch(Polygon(corners, facecolor=colour, edgecolor=INK, linewidth=0.8))


def weight_on_circle(v: np.ndarray, w: np.ndarray, dw: np.ndarray, dv: np.ndarray, lr: float):
    """A weight of two numbers, v and w = g · v/‖v‖, with both gradients and one step of v.

    Args:
        v, w: (2,).
        dw, dv: (2,) gradients of the loss with respect to w and to v.
        lr: rate of the step v − lr · dv that is drawn.
    Returns:
        A Figure with one Axes.

    >>> v, w = np.array([3.0, 4.0]), np.array([6.0, 8.0])
    >>> len(weight_on_circle(v, w, np.ones(2), np.array([0.8, -0.6]), 1.0).axes[0].patches)
    6
    """
    figure, ax = plt.subplots(figsize=(5.4, 5.2), layout="constrained")
    for radius, dash in ((np.linalg.norm(v), "-"), (np.linalg.norm(w), "--")):
        circle = Circle((0, 0), radius, fill=False, edgecolor="0.7", linestyle=dash, linewidth=1)
        ax.add_patch(circle)
    blue, vermilion, green = COLOURS[:3]
    _arrow(ax, v, w, "0.5", "w", (-0.5, 0.3))
    _arrow(ax, (0, 0), v, blue, "v", (-0.5, 0.3))
    _arrow(ax, w, w - lr * dw, vermilion, "−η dw", (1.1, 0.2))
    _arrow(ax, v, v - lr * dv, green, "−η dv", (1.2, 0.3))
    ax.plot(*(v - lr * dv), "o", color=green, markersize=5)
    reach = 1.12 * np.linalg.norm(w)
    ax.set(xlim=(-1, reach), ylim=(-1, reach), aspect="equal", xlabel="first weight")
    ax.set(ylabel="second weight")
    ax.grid(False)
    return figure


def _arrow(ax, start, end, colour: str, label: str, shift: tuple[float, float]) -> None:
    """An arrow whose name stands beside its middle."""
    style = {"arrowstyle": "-|>", "mutation_scale": 14, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, color=colour, **style))
    middle = (np.asarray(start) + np.asarray(end)) / 2 + shift
    ax.text(*middle, label, color=colour, ha="center", va="center", fontsize=12)
