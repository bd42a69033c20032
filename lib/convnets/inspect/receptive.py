"""Receptive fields, by arithmetic and by gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from convnets.arrays import asarray_like, to_numpy
from convnets.inspect.probing import copy_in_evaluation, input_like
from convnets.layers import (
    Concat,
    FractionalMaxPool2d,
    GlobalAvgPool2d,
    Layer,
    Linear,
    Residual,
    Sequential,
)
from convnets.random import generator

WHOLE = math.inf
VARIES = math.nan


class Field(NamedTuple):
    """The smallest window that holds all an output can depend on, as pairs (height, width).

    Attributes:
        size: pixels; `math.inf` where every pixel can matter, `math.nan` where the size differs
            from place to place (after fractional pooling).
        stride: pixels between the windows of neighbouring outputs.
        start: first pixel of the window of output (0, 0); negative where it begins in the padding.
    """

    size: tuple[float, float]
    stride: tuple[float, float]
    start: tuple[float, float]


@dataclass(frozen=True)
class ReceptiveField:
    """Receptive field of a model.

    Attributes:
        size, stride, start: of the model's output; see `Field`.
        layers: the `Field` of each layer's output, by the layer's name.
    """

    size: tuple[float, float]
    stride: tuple[float, float]
    start: tuple[float, float]
    layers: dict[str, Field]


def receptive_field(model: Layer) -> ReceptiveField:
    """Receptive field of a model and of each of its layers, by arithmetic.

        size ← size + (kernel − 1) · stride_before
        start ← start − padding · stride_before
        stride ← stride_before · stride

    A layer that mixes neighbouring positions is known by its `kernel_size`, `stride` and
    `padding`; one without them is taken to work on each position by itself.

    Raises:
        ValueError: parallel branches with different strides.

    >>> from convnets.layers import Conv2d, Sequential
    >>> stack = Sequential(*(Conv2d(1, 1, kernel_size=3, padding=1) for _ in range(3)))
    >>> receptive_field(stack).size
    (7, 7)
    """
    layers: dict[str, Field] = {}
    field = _through(model, "", Field((1, 1), (1, 1), (0, 0)), layers)
    return ReceptiveField(*field, layers)


def _through(layer: Layer, name: str, field: Field, layers: dict[str, Field]) -> Field:
    """The field after `layer`, recorded in `layers` together with those of the layers inside."""
    inside = {
        key: (f"{name}.{key}" if name else key, child) for key, child in layer.children().items()
    }
    if isinstance(layer, Residual | Concat):
        around = [field] if isinstance(layer, Residual) and layer.shortcut is None else []
        branches = [_through(child, path, field, layers) for path, child in inside.values()]
        field = _union(name or repr(layer), branches + around)
    elif isinstance(layer, Sequential):
        for path, child in inside.values():
            field = _through(child, path, field, layers)
    elif isinstance(layer, Linear | GlobalAvgPool2d):
        field = Field((WHOLE, WHOLE), (WHOLE, WHOLE), (-WHOLE, -WHOLE))
    elif isinstance(layer, FractionalMaxPool2d):
        field = Field((VARIES, VARIES), (VARIES, VARIES), (VARIES, VARIES))
    elif hasattr(layer, "kernel_size"):
        field = _after_window(field, layer)
    layers[name] = field
    return field


def _after_window(field: Field, layer: Layer) -> Field:
    axes = zip(*field, layer.kernel_size, layer.stride, layer.padding, strict=True)
    return Field(
        *zip(
            *(
                (size + (k - 1) * step, step * s, start - p * step)
                for size, step, start, k, s, p in axes
            ),
            strict=True,
        )
    )


def _union(name: str, fields: list[Field]) -> Field:
    strides = {field.stride for field in fields}
    if len(strides) > 1:
        raise ValueError(
            f"the branches of {name} have strides {sorted(strides)}, so their outputs do not lie "
            "over each other; give every branch the same total stride."
        )
    starts = tuple(min(field.start[axis] for field in fields) for axis in (0, 1))
    ends = (max(f.start[axis] + f.size[axis] for f in fields) for axis in (0, 1))
    sizes = tuple(end - start for end, start in zip(ends, starts, strict=True))
    return Field(sizes, strides.pop(), starts)


def measured_receptive_field(
    model: Layer, input_shape: Sequence[int], samples: int = 64, rng=0
) -> np.ndarray:
    """Which input pixels reach the centre of the output, measured by the backward pass.

    The gradient of the centre is sent back through random images. A pixel counts if it gets any
    of it in one image: a maximum passes the gradient to one pixel only, so one image is not enough.

    Args:
        model: is copied, and not touched.
        input_shape: (C, H, W); larger than the receptive field to see all of it.
        samples: how many images, >= 1; deep stacks of maximum pooling need more.
        rng: seed or generator of the images.
    Returns:
        (H, W) booleans. Output (HO // 2, WO // 2) is the centre; of a model that ends in scores,
        all scores are.

    >>> from convnets.layers import Conv2d
    >>> measured_receptive_field(Conv2d(1, 2, (1, 3), padding=(0, 1), rng=0), (1, 3, 5)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    model, rng = copy_in_evaluation(model), generator(rng)
    scores = model(input_like(model, rng.standard_normal((samples, *input_shape))))
    dscores = rng.standard_normal(tuple(scores.shape))
    if scores.ndim == 4:
        centre = np.zeros(scores.shape[2:], dtype=bool)
        centre[scores.shape[2] // 2, scores.shape[3] // 2] = True
        dscores = dscores * centre
    dx = to_numpy(model.backward(asarray_like(dscores, scores)))
    return (dx != 0).any(axis=(0, 1))
