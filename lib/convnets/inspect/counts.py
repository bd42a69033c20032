"""Shapes, parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from convnets.inspect.probing import copy_in_evaluation, input_like
from convnets.layers import Layer


def count_parameters(model) -> int:
    """Number of learned values of a `Layer` or a `torch.nn.Module`.

    >>> from convnets.layers import Conv2d
    >>> count_parameters(Conv2d(1, 6, kernel_size=5))
    156
    """
    parameters = model.parameters()
    parameters = parameters.values() if isinstance(parameters, dict) else parameters
    return sum(math.prod(parameter.data.shape) for parameter in parameters)


def activation_shapes(model: Layer, input_shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Shape of each layer's output for one image, by the layer's name, without the batch axis.

    The model is not touched: a copy in evaluation mode is given one image of zeros.

    Args:
        input_shape: (C, H, W), or (D,) for a model that starts with a Linear.
    Raises:
        ShapeError: the model does not take such images.

    >>> from convnets.models import lenet
    >>> shapes = activation_shapes(lenet(rng=0), (1, 28, 28))
    >>> shapes["0"], shapes["3"], shapes["11"]
    ((6, 28, 28), (16, 10, 10), (10,))
    """
    return {name: outputs for name, (_, outputs) in passed_shapes(model, input_shape).items()}


def passed_shapes(model: Layer, input_shape: Sequence[int]) -> dict[str, tuple]:
    """For each layer the shapes of what went in and what came out, without the batch axis."""
    model = copy_in_evaluation(model)
    shapes = {}
    for name, layer in model.named_layers():
        layer.forward = _recording(layer.forward, name, shapes)
    model(input_like(model, np.zeros((1, *input_shape))))
    return {name: shapes[name] for name, _ in model.named_layers()}


def _recording(forward, name: str, shapes: dict):
    def record(x):
        y = forward(x)
        shapes[name] = tuple(x.shape[1:]), tuple(y.shape[1:])
        return y

    return record


def count_multiply_adds(model: Layer, input_shape: Sequence[int]) -> int:
    """Multiplications (each with its addition) of the forward pass for one image.

    As in the literature, those of convolutions and fully connected layers are counted; biases,
    activations, pooling and normalisation are not. Each layer says its own, in `multiply_adds`.

    Raises:
        NotImplementedError: a layer does not say it; the message names the layer.

    >>> from convnets.layers import Conv2d
    >>> count_multiply_adds(Conv2d(1, 6, kernel_size=5), (1, 32, 32))    # 28·28·6·(5·5)
    117600
    """
    shapes = passed_shapes(model, input_shape)
    return sum(layer.multiply_adds(*shapes[name]) for name, layer in model.named_layers())
