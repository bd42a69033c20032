"""Initial values of weights: the variance that keeps signals and gradients from fading or growing.

A layer that sums `fan_in` products multiplies the variance of its input by fan_in · var(w); its
backward pass does the same with `fan_out`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence

import numpy as np

from convnets.arrays import asarray_like, to_numpy
from convnets.perturb import perturbed
from convnets.random import generator, normal, uniform
from convnets.shapes import ShapeError

Initialiser = str | Callable[[tuple[int, ...], np.random.Generator], np.ndarray]


def fan_in_out(shape: Sequence[int]) -> tuple[int, int]:
    """Number of inputs that each output sums, and of outputs that each input feeds.

    Args:
        shape: of the weights: (M, D) linear, (F, C, KH, KW) convolution, or
            (HO, WO, F, C, KH, KW) locally connected. Stride and padding are not counted. With
            groups, C is the channels of one group, and fan_out counts all F filters, as PyTorch.
    Returns:
        (fan_in, fan_out): (D, M), or (C·KH·KW, F·KH·KW).
    Raises:
        ShapeError: the shape has another number of axes, so a bias has no fans.

    >>> fan_in_out((10, 84)), fan_in_out((16, 3, 5, 5))
    ((84, 10), (75, 400))
    """
    if len(shape) not in (2, 4, 6):
        raise ShapeError(
            "fans are defined for weights of shape (M, D), (F, C, KH, KW) or "
            f"(HO, WO, F, C, KH, KW), not {tuple(shape)}; set biases with zeros(shape)."
        )
    # The leading two axes of locally connected weights say where, not how many.
    outputs, inputs, *window = shape[-4:]
    area = math.prod(window)
    return inputs * area, outputs * area


def kaiming_normal(shape: Sequence[int], rng, dtype=np.float32) -> np.ndarray:
    """Weights from N(0, 2 / fan_in): keeps the variance through ReLU, which halves it.

    Args:
        shape: as for `fan_in_out`.
        rng: numpy.random.Generator.
        dtype: float32 or float64.
    Returns:
        NumPy array of that shape and dtype.
    Raises:
        ShapeError: see `fan_in_out`.
    Reference:
        He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers, arXiv:1502.01852.

    >>> kaiming_normal((64, 32, 3, 3), np.random.default_rng(0)).std().round(3) # sqrt(2 / 288)
    np.float32(0.083)
    """
    fan_in, _ = fan_in_out(shape)
    w = normal(rng, tuple(shape), like=np.empty(0, dtype))
    return w * w.dtype.type(math.sqrt(2 / fan_in))


def xavier_uniform(shape: Sequence[int], rng, dtype=np.float32) -> np.ndarray:
    """Weights from U[−a, a), a = sqrt(6 / (fan_in + fan_out)): variance 2 / (fan_in + fan_out).

    A compromise between keeping the variance forward (1 / fan_in) and backward (1 / fan_out), for
    activations that are the identity near zero, such as tanh.

    Args:
        shape: as for `fan_in_out`.
        rng: numpy.random.Generator.
        dtype: float32 or float64.
    Returns:
        NumPy array of that shape and dtype.
    Raises:
        ShapeError: see `fan_in_out`.
    Reference:
        Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural
        networks, AISTATS.

    >>> w = xavier_uniform((30, 20), np.random.default_rng(0))
    >>> bool(np.abs(w).max() <= np.sqrt(6 / 50))
    True
    """
    bound = math.sqrt(6 / sum(fan_in_out(shape)))
    w = uniform(rng, tuple(shape), like=np.empty(0, dtype))
    return (2 * w - 1) * w.dtype.type(bound)


def zeros(shape: Sequence[int], dtype=np.float32) -> np.ndarray:
    """Zeros, the usual start of biases.

    >>> zeros((3,))
    array([0., 0., 0.], dtype=float32)
    """
    return np.zeros(tuple(shape), dtype)


# By name, each as a function of shape and generator.
INITIALISERS = {
    "kaiming_normal": kaiming_normal,
    "xavier_uniform": xavier_uniform,
    "zeros": lambda shape, rng: zeros(shape),
}


def drawn(init: Initialiser, shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Weights of the given shape from an initialiser given by name or as a function.

    Args:
        init: a name in `INITIALISERS`, or a function `init(shape, rng) -> array`.
        shape: as for `fan_in_out`.
        rng: numpy.random.Generator.
    Returns:
        NumPy array of that shape; float32 if the initialiser has a name, else as it made it.
    Raises:
        ValueError: there is no such name.
        TypeError: neither a name nor a function.
        ShapeError: the function returned another shape.

    >>> drawn(lambda shape, rng: 0.01 * rng.standard_normal(shape), (2, 3), generator(0)).shape
    (2, 3)
    """
    if isinstance(init, str) and init not in INITIALISERS:
        raise ValueError(
            f"init must be one of {', '.join(INITIALISERS)}, or a function of shape and generator, "
            f"but is {init!r}."
        )
    function = INITIALISERS[init] if isinstance(init, str) else init
    if not callable(function):
        raise TypeError(
            "init must be a name or a function init(shape, rng) -> weights, but is "
            f"{init!r}; for example lambda shape, rng: 0.01 * rng.standard_normal(shape)."
        )
    values = perturbed(to_numpy(function(tuple(shape), rng)))
    if values.shape != tuple(shape):
        raise ShapeError(
            f"init must return weights of the shape {tuple(shape)} it was given, but returned "
            f"{values.shape}."
        )
    return values


def apply(model, init: Initialiser = "kaiming_normal", rng=None):
    """Draw the weights of a whole model anew, one layer after another; biases become zero.

    Parameters of other kinds, such as the scale of a normalisation, and buffers stay as they are.

    Args:
        model: layers of ours, or a `torch.nn.Module`, of which every module with a `weight` of two
            or more axes is drawn.
        init: as for `drawn`.
        rng: seed or generator; None draws a fresh seed.
    Returns:
        The model.
    Raises:
        ValueError: the model has no such weights.

    >>> from convnets.layers import Linear, ReLU, Sequential
    >>> model = apply(Sequential(Linear(4, 3), ReLU(), Linear(3, 2)), "xavier_uniform", rng=0)
    >>> float(np.abs(model[0].weight.data).max()) <= math.sqrt(6 / 7)
    True
    """
    rng = generator(rng)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        layers = [m for m in model.modules() if getattr(_weight(m), "ndim", 0) >= 2]
        draw = _draw_module
    else:
        layers = [layer for _, layer in model.named_layers() if hasattr(layer, "initialise")]
        draw = _draw_layer
    if not layers:
        raise ValueError(f"{type(model).__name__} has no layers with weights to be drawn.")
    for layer in layers:
        draw(layer, init, rng)
    return model


def _draw_layer(layer, init: Initialiser, rng: np.random.Generator) -> None:
    layer.initialise(init, rng)


def _weight(module):
    weight = getattr(module, "weight", None)
    return weight if hasattr(weight, "data") else None


def _draw_module(module, init: Initialiser, rng: np.random.Generator) -> None:
    weight, bias = module.weight.data, getattr(module, "bias", None)
    weight.copy_(asarray_like(drawn(init, weight.shape, rng), weight))
    if bias is not None and hasattr(bias, "data"):
        bias.data.zero_()
