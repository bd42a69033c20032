"""LeNet in pictures: its layers to scale, the receptive field of each, class activation maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convnets.plots.cells import (
    BLUE,
    GREEN,
    GREY,
    INK,
    INPUT,
    KERNEL,
    OUTPUT,
    PURPLE,
    VERMILION,
)


def architecture(stages: Sequence[tuple[str, tuple[int, ...], int]]) -> Figure:
    """Feature maps as stacks of squares to scale, vectors as bars, parameters below.

    Args:
        stages: (name, shape, parameters) from the input on; shape is (C, H, W) or (D,).
    Returns:
        A Figure with one Axes.

    >>> figure = architecture([("input", (1, 8, 8), 0), ("conv", (6, 8, 8), 60), ("fc", (10,), 90)])
    >>> [text.get_text() for text in figure.axes[0].texts][:2]
    ['input\\n1×8×8', '']
    """
    tallest = max(shape[-1] for _, shape, _ in stages if len(shape) == 3)
    figure, ax = plt.subplots(figsize=(11, 3.6), layout="constrained")
    left = 0.0
    for name, shape, parameters in stages:
        right = _stage(ax, left, name, shape, parameters, unit=4 / tallest)
        left = right + 0.75
    ax.set(xlim=(-0.3, left - 0.3), ylim=(-3.6, 3.9), aspect="equal")
    ax.axis("off")
    return figure


def _stage(ax, left, name, shape, parameters, unit) -> float:
    """Draw one stage from `left`, and return where it ends."""
    if len(shape) == 3:
        channels, height, width = shape
        step = min(0.16, 1.3 / channels)
        fill = OUTPUT if name.startswith("S") else KERNEL if name.startswith("C") else INPUT
        for k in range(channels):
            corner = (left + k * step, -height * unit / 2 - k * step)
            ax.add_patch(Rectangle(corner, width * unit, height * unit, fc=fill, ec=INK, lw=0.6))
        right = left + width * unit + (channels - 1) * step
    else:
        height = 0.55 * np.log2(1 + shape[0])
        ax.add_patch(Rectangle((left, -height / 2), 0.4, height, fc=GREY, ec=INK, lw=0.8))
        right = left + 0.4
    size = "×".join(map(str, shape))
    middle = (left + right) / 2
    ax.text(middle, 2.5, f"{name}\n{size}", ha="center", va="bottom", fontsize=9, color=INK)
    below = f"{parameters:,}" if parameters else ""
    ax.text(middle, -3.2, below, ha="center", fontsize=9, color=VERMILION)
    return max(right, left + 0.9)


def receptive_fields(image: np.ndarray, fields: Mapping[str, int]) -> Figure:
    """What one output in the middle sees of the image, layer after layer.

    Args:
        image: (H, W).
        fields: layer → side of its receptive field, in pixels, growing.
    Returns:
        A Figure with one Axes.

    >>> len(receptive_fields(np.eye(9), {"C1": 3, "S2": 4}).axes[0].patches)
    2
    """
    figure, ax = plt.subplots(figsize=(4.6, 4), layout="constrained")
    height, width = image.shape
    ax.imshow(image, cmap="gray", extent=(0, width, height, 0), interpolation="nearest")
    looks = zip((BLUE, VERMILION, GREEN, PURPLE, INK), ("-", "--", "-.", ":", "-"), strict=True)
    for (name, side), (colour, dash) in zip(fields.items(), looks, strict=False):
        corner = ((width - side) // 2, (height - side) // 2)
        style = {"fill": False, "ec": colour, "ls": dash, "lw": 2.5, "clip_on": False}
        ax.add_patch(Rectangle(corner, side, side, label=f"{name}: {side}×{side}", **style))
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    ax.axis("off")
    return figure


def activation_of_chosen(features, head, images: np.ndarray) -> np.ndarray:
    """The class activation map of the class that a network with a global average decides on.

    Args:
        features: layers up to the last maps, (N, C, H, W) from `images`.
        head: the linear layer on their means.
    Returns:
        Σ_c w[k, c] · x[n, c, h, w] for the k of the highest score, (N, H, W).
    """
    maps, weight = features(images), head.weight.data
    chosen = head(maps.mean(axis=(2, 3))).argmax(axis=1)
    return np.einsum("nc,nchw->nhw", weight[chosen], maps)


def peaks_inside(heat: np.ndarray, corners: np.ndarray, side: int, scale: int) -> np.ndarray:
    """Whether the peak of each map lies on its object.

    Args:
        heat: maps (N, h, w).
        corners: first row and column of each object (N, 2), in pixels of the image.
        side: of the object, in pixels.
        scale: pixels of the image to one of the map; their middle counts.
    Returns:
        (N,) booleans.

    >>> peaks_inside(np.eye(4)[None], np.array([[0, 0]]), side=3, scale=2)
    array([ True])
    """
    flat = heat.reshape(len(heat), -1).argmax(axis=1)
    peaks = scale * np.column_stack(np.unravel_index(flat, heat.shape[1:])) + scale // 2
    return ((peaks >= corners) & (peaks < corners + side)).all(axis=1)


def class_maps(images: np.ndarray, maps: np.ndarray, boxes: np.ndarray, titles) -> Figure:
    """Class activation maps over their images, the peak crossed, the true place boxed.

    Args:
        images: (N, H, W).
        maps: (N, h, w), stretched over the image.
        boxes: (N, 3) first row, first column and side of the object, in pixels.
        titles: one per image.
    Returns:
        A Figure with N Axes.

    >>> len(class_maps(np.ones((1, 4, 4)), np.ones((1, 2, 2)), [[0, 0, 2]], ["a"]).axes)
    1
    """
    size = {"figsize": (2.3 * len(images), 2.6), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(images), squeeze=False, **size)
    height, width = images.shape[1:]
    extent = (0, width, height, 0)
    for ax, image, heat, box, title in zip(axes[0], images, maps, boxes, titles, strict=True):
        top, left, side = box
        ax.imshow(image, cmap="gray", extent=extent)
        ax.imshow(heat, cmap="inferno", extent=extent, alpha=0.55, interpolation="bilinear")
        ax.add_patch(Rectangle((left, top), side, side, fill=False, ec="white", lw=2))
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        place = (column + 0.5) * width / heat.shape[1], (row + 0.5) * height / heat.shape[0]
        ax.plot(*place, "x", color="white", markersize=10, markeredgewidth=3)
        ax.set_title(title)
        ax.axis("off")
    return figure
