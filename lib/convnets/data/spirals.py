"""Points in the plane on interleaved spirals: classes that no line can part."""

from __future__ import annotations

import numpy as np

from convnets.data.dataset import Dataset
from convnets.random import generator


def spirals(
    n: int = 500, *, arms: int = 2, turns: float = 1.75, noise: float = 0.04, rng=0
) -> Dataset:
    """Points on spirals around the origin, a class for each arm.

    With r from 0.14 to 1, uniform in area, and k the class, a point is
    r · (cos a, sin a) + noise,  a = 2π (turns · r + k / arms).

    Args:
        n: number of points, >= 1; the class of each is drawn.
        arms: number of spirals, >= 2.
        turns: how often each winds around, between r = 0 and 1.
        noise: standard deviation of what is added to both coordinates.
        rng: seed or generator.
    Returns:
        Images (n, 2, 1, 1), float32: the coordinates are two channels of one pixel, so that
        `Flatten` makes rows (n, 2) of them. Classes "0", "1", …
    Raises:
        ValueError: no points, or fewer than two arms.
    Reference: Lang and Witbrock 1988, "Learning to tell two spirals apart".

    >>> spirals(100)
    Dataset(100 images 2×1×1 float32, 2 classes: 0, 1)
    """
    if n < 1 or arms < 2:
        raise ValueError(f"n must be 1 or more and arms 2 or more, but they are {n} and {arms}.")
    rng = generator(rng)
    r = np.sqrt(rng.uniform(0.02, 1, n))
    labels = rng.integers(arms, size=n)
    angle = 2 * np.pi * (turns * r + labels / arms)
    points = r * np.stack([np.cos(angle), np.sin(angle)]) + noise * rng.standard_normal((2, n))
    images = points.T[:, :, None, None].astype(np.float32)
    return Dataset(images, labels, tuple(map(str, range(arms))))
