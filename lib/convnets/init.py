"""Initial values of weights: the variance that keeps signals and gradients from fading or growing.

A layer that sums `fan_in` products multiplies the variance of its input by fan_in · var(w); its
backward pass does the same with `fan_out`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from convnets.random import normal, uniform
from convnets.shapes import ShapeError


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
