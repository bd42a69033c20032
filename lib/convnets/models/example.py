"""The running example of the course: small enough to train in seconds, deep enough to be one."""

from __future__ import annotations

from collections.abc import Callable

from convnets.layers import Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Sequential
from convnets.random import generator
from convnets.shapes import ShapeError, whole


def example_net(
    channels: int = 3,
    size: int = 32,
    classes: int = 10,
    filters: int = 10,
    blocks: int = 3,
    norm: Callable[[int], Layer] | None = None,
    rng=None,
) -> Sequential:
    """((CONV [norm] ReLU) × 2 POOL) × 3 FC: convolutions 3×3, padding 1; max pooling 2×2.

    Args:
        channels, size: of the images (N, channels, size, size); size a multiple of 2^blocks.
        classes: scores of an image.
        filters: of every convolution.
        blocks: how often the bracket is repeated, >= 1.
        norm: what makes the layer between CONV and ReLU, given its channels, as `BatchNorm2d` or
            `lambda channels: GroupNorm(2, channels)`; None for none.
        rng: seed or generator for the initial weights; None draws a fresh seed.
    Raises:
        ShapeError: a size that cannot be halved that often.

    >>> from convnets.inspect import count_parameters
    >>> count_parameters(example_net(rng=0))
    6440
    >>> from convnets.layers import BatchNorm2d
    >>> count_parameters(example_net(norm=BatchNorm2d, rng=0)) # 6 · 2 · 10 more
    6560
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
            conv = Conv2d(inputs, filters, 3, padding=1, rng=rng)
            layers += [conv, *([norm(filters)] if norm else []), ReLU()]
            inputs = filters
        layers.append(MaxPool2d(2))
    return Sequential(*layers, Flatten(), Linear(filters * side**2, classes, rng=rng))
