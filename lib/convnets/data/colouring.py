"""Grey images in colour: three channels that differ."""

from __future__ import annotations

import numpy as np

from convnets.data.dataset import Dataset
from convnets.shapes import ShapeError


def coloured(dataset: Dataset, seed: int = 0, darkest: float = 0.3) -> Dataset:
    """Each grey image in a random colour, black staying black: x[n, c] = colour[n, c] · x[n, 0].

    The colour is drawn independently of the class, and image i gets the same whatever follows it.

    Args:
        dataset: images (N, 1, H, W).
        seed: integer >= 0; other seeds give other colours.
        darkest: red, green and blue are drawn from U[darkest, 1); in [0, 1].
    Returns:
        Images (N, 3, H, W), of the same dtype.
    Raises:
        ShapeError: the images have more than one channel.
        ValueError: `darkest` out of range.

    >>> from convnets.data import glyphs
    >>> coloured(glyphs(2, characters="AB", size=32))
    Dataset(2 images 3×32×32 float32, 2 classes: A, B)
    """
    images = dataset.images
    if images.shape[1] != 1:
        raise ShapeError(
            f"images must have one channel to be coloured, but are {images.shape}; "
            "take one with images[:, :1]."
        )
    if not 0 <= darkest <= 1:
        raise ValueError(f"darkest must lie in [0, 1], but is {darkest!r}; try 0.3.")
    drawn = np.random.default_rng(seed).random((len(images), 3, 1, 1), dtype=np.float32)
    colours = darkest + (1 - darkest) * drawn
    return Dataset(images * colours.astype(images.dtype), dataset.labels, dataset.classes)
