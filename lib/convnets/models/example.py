"""The running example of the course: small enough to train in seconds, deep enough to be one."""

from __future__ import annotations

from convnets.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from convnets.random import generator
from convnets.shapes import ShapeError, whole


def example_net(
    channels: int = 3,
    size: int = 32,
    classes: int = 10,
    filters: int = 10,
    blocks: int = 3,
    rng=None,
) -> Sequential:
    """(CONV ReLU CONV ReLU POOL) × 3 FC: convolutions 3×3 with padding 1, max pooling 2×2.

    Args:
        channels, size: of the images (N, channels, size, size); size a multiple of 2^blocks.
        classes: scores of an image.
        filters: of every convolution.
        blocks: how often the bracket is repeated, >= 1.
        rng: seed or generator for the initial weights; None draws a fresh seed.
    Raises:
        ShapeError: a size that cannot be halved that often.

    >>> from convnets.inspect import count_parameters
    >>> count_parameters(example_net(rng=0))
    6440
    """
    side, rest = divmod(whole(size, "size"), 2 ** whole(blocks, "blocks"))
    if rest or not side:
        raise ShapeError(
            f"size must be a multiple of 2^blocks, {2**blocks}, to be halved {blocks} times, but "
            f"is {size}; try {2**blocks * (side + 1)}."
        )
    rng = generator(rng)
    layers, inputs = [], channels
    for _ in range(blocks):
        for _ in range(2):
            layers += [Conv2d(inputs, filters, 3, padding=1, rng=rng), ReLU()]
            inputs = filters
        layers.append(MaxPool2d(2))
    return Sequential(*layers, Flatten(), Linear(filters * side**2, classes, rng=rng))
