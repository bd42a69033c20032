"""Receptive fields, by arithmetic and by gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from convnets.arrays import asarray_like, to_numpy
from convnets.inspect.probing import copy_in_evaluation, input_like
from convnets.layers import Field, Layer
from convnets.layers.fields import PIXEL
from convnets.random import generator
from convnets.shapes import ShapeError


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

    Each layer says what it does to a field, in its method `field`.

    Raises:
        NotImplementedError: a layer does not say it; the message names the layer.
        ShapeError: parallel branches with different strides.

    >>> from convnets.layers import Conv2d, Sequential
    >>> stack = Sequential(*(Conv2d(1, 1, kernel_size=3, padding=1) for _ in range(3)))
    >>> receptive_field(stack).size
    (7, 7)
    """
    model = copy_in_evaluation(model)
    layers: dict[str, Field] = {}
    for name, layer in model.named_layers():
        layer.field = _recording(layer.field, name, layers)
    return ReceptiveField(*model.field(PIXEL), layers)


class _NamedShapeError(ShapeError):
    """One whose message names the layer."""


def _recording(field: Callable[[Field], Field], name: str, layers: dict[str, Field]):
    def record(before: Field) -> Field:
        try:
            layers[name] = field(before)
        except _NamedShapeError:
            raise
        except ShapeError as error:
            raise _NamedShapeError(f"{name or type(field.__self__).__name__}: {error}") from None
        return layers[name]

    return record


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
