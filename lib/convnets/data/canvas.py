"""Images put somewhere on a larger, empty one."""

from __future__ import annotations

import numpy as np

from convnets.data.dataset import Dataset
from convnets.random import generator


def on_canvas(
    dataset: Dataset, side: int, rng: int | np.random.Generator
) -> tuple[Dataset, np.ndarray]:
    """Each image at a random place of a canvas of zeros, all of it inside.

    Args:
        dataset: images (N, C, H, W).
        side: height and width of the canvas in pixels, at least H and W.
        rng: seed or generator for the places.
    Returns:
        Images (N, C, side, side) with the labels that they had, and the row and column of each
        image's first pixel, (N, 2).
    Raises:
        ValueError: the images do not fit.

    >>> small = Dataset(np.ones((2, 1, 3, 3), np.float32), np.array([0, 1]), ("cat", "dog"))
    >>> large, corners = on_canvas(small, 8, rng=0)
    >>> large.images.shape, large.images.sum(), corners.shape
    ((2, 1, 8, 8), np.float32(18.0), (2, 2))
    """
    count, channels, height, width = dataset.images.shape
    if side < max(height, width):
        raise ValueError(
            f"side is {side}, but the images have {height}×{width} pixels; "
            f"use at least {max(height, width)}."
        )
    highest = (side - height + 1, side - width + 1)
    corners = generator(rng).integers(highest, size=(count, 2))
    canvas = np.zeros((count, channels, side, side), dataset.images.dtype)
    for image, place, (row, column) in zip(dataset.images, canvas, corners, strict=True):
        place[:, row : row + height, column : column + width] = image
    return Dataset(canvas, dataset.labels, dataset.classes), corners
