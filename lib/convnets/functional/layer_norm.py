"""Layer normalisation: each example by itself, over all it has."""

from __future__ import annotations

import math
from typing import NamedTuple

from convnets.arrays import batch_last, contiguous, float_namespace, permuted, rows_of
from convnets.functional.batch_norm import small_constant
from convnets.functional.channels import as_given, batch_is_last, expect_features
from convnets.shapes import ShapeError, expect_shape


class LayerNormCache(NamedTuple):
    """What `layer_norm` keeps for `layer_norm_backward`, as (N, M) or with examples last (M, N).

    Attributes:
        normalised: x̂.
        inverse: 1 / √(variance + ε) of each example, (N, 1) or (1, N).
        gamma: (1, M) or (M, 1), or None.
        has_beta: whether there is a beta.
        shape: of x.
        batch_last: whether x lay with the batch innermost.
    """

    normalised: object
    inverse: object
    gamma: object
    has_beta: bool
    shape: tuple[int, ...]
    batch_last: bool


def layer_norm(x, gamma, beta, eps=1e-5):
    """Normalise each example over all its values; every value has a scale and a shift of its own.

    y[n] = γ · (x[n] − μ[n]) / √(σ²[n] + ε) + β

    μ[n] and the biased σ²[n] being taken over all axes but the first.

    Args:
        x: (N, D) or (N, C, H, W), floating point, NumPy or torch; y keeps its memory layout.
        gamma: (D,) or (C, H, W), or None for 1.
        beta: (D,) or (C, H, W), or None for 0.
        eps: ε >= 0, inside the root.
    Returns:
        y: the shape of x, and a cache for `layer_norm_backward`.
    Raises:
        ShapeError: shapes that do not fit, or examples of one value, which would become beta.
        ValueError: eps is negative.
    Reference: Ba, Kiros and Hinton 2016, arXiv:1607.06450.

    >>> import numpy as np
    >>> layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]]), None, None)[0].round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    eps = small_constant(eps)
    xp = float_namespace(x, gamma, beta)
    _check(x, gamma, beta)
    last = batch_is_last(x)
    axis, seen = (0 if last else 1), _flat(x, last)
    centred = seen - xp.mean(seen, axis=axis, keepdims=True)
    # Far from zero, a mean in float32 is some digits short of what is left.
    centred -= xp.mean(centred, axis=axis, keepdims=True)
    inverse = (_mean_of_products(xp, centred, centred, axis) + eps) ** -0.5
    centred *= inverse
    gamma, beta = (_weights(values, last) for values in (gamma, beta))
    y = centred * (1.0 if gamma is None else gamma)
    if beta is not None:
        y += beta
    shape = tuple(x.shape)
    cache = LayerNormCache(centred, inverse, gamma, beta is not None, shape, last)
    return as_given(y[None], shape, last), cache


def layer_norm_backward(dy, cache):
    """Gradients of `layer_norm`.

    dβ = Σ_n dy[n],  dγ = Σ_n dy[n] · x̂[n],  and with dx̂ = γ dy

    dx[n] = (dx̂[n] − mean(dx̂[n]) − x̂[n] · mean(dx̂[n] · x̂[n])) / √(σ²[n] + ε)

    Args:
        dy: the shape of y.
        cache: from `layer_norm`.
    Returns:
        dx, the shape of x; dgamma and dbeta, (D,) or (C, H, W), or None where there was none.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    normalised, inverse, gamma, has_beta, shape, last = cache
    xp = float_namespace(dy, normalised, gamma)
    expect_shape(dy, "dy", shape, like="the output")
    axis, dy = (0 if last else 1), _flat(dy, last)
    of_features = "mn->m" if last else "nm->m"
    products = f"{of_features[:2]},{of_features}"
    dgamma = None if gamma is None else xp.einsum(products, dy, normalised)
    dbeta = xp.einsum(of_features, dy) if has_beta else None
    scaled = dy if gamma is None else dy * gamma
    dx = normalised * -_mean_of_products(xp, scaled, normalised, axis)
    dx += scaled
    dx -= xp.mean(scaled, axis=axis, keepdims=True)
    dx *= inverse
    dgamma, dbeta = (_as_weights(values, shape, last) for values in (dgamma, dbeta))
    return as_given(dx[None], shape, last), dgamma, dbeta


def _flat(x, last: bool):
    """Each example as a row, or with the batch innermost as a column, as they lie in memory."""
    n, size = x.shape[0], math.prod(x.shape[1:])
    if not last:
        return contiguous(x).reshape(n, size)
    seen = rows_of(batch_last(x)) if len(x.shape) == 4 else contiguous(x.T)
    return seen.reshape(size, n)


def _weights(values, last: bool):
    """gamma or beta, with its values in the order of a row or column of `_flat`."""
    if values is None:
        return None
    if not last:
        return contiguous(values).reshape(1, -1)
    lying = permuted(values, (1, 0, 2)) if len(values.shape) == 3 else values
    return contiguous(lying).reshape(-1, 1)


def _as_weights(values, shape: tuple[int, ...], last: bool):
    """The inverse of `_weights`, for gradients."""
    if values is None or not last or len(shape) == 2:
        return None if values is None else values.reshape(shape[1:])
    _, c, h, w = shape
    return contiguous(permuted(values.reshape(h, c, w), (1, 0, 2)))


def _mean_of_products(xp, a, b, axis: int):
    letters = "mn,mn->n" if axis == 0 else "nm,nm->n"
    sums = xp.einsum(letters, a, b) / a.shape[axis]
    return sums[None] if axis == 0 else sums[:, None]


def _check(x, gamma, beta) -> None:
    expect_features(x)
    shape = tuple(x.shape[1:])
    for name, values in (("gamma", gamma), ("beta", beta)):
        if values is not None:
            expect_shape(values, name, shape, like="an example of x")
    if math.prod(shape) < 2:
        raise ShapeError(
            f"layer normalisation needs examples of at least 2 values, but x is {tuple(x.shape)}: "
            "all would become beta."
        )
