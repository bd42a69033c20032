"""Batch normalisation: each feature with mean 0 and variance 1 over the batch, then scaled."""

from __future__ import annotations

import math
from typing import NamedTuple

from convnets.arrays import float_namespace, is_torch, number
from convnets.functional.channels import (
    as_given,
    batch_is_last,
    by_feature,
    expect_features,
)
from convnets.shapes import ShapeError, expect_shape


class BatchNormCache(NamedTuple):
    """What `batch_norm` keeps for `batch_norm_backward`.

    Attributes:
        mean, variance: (C,), those that x was normalised with; the variance is biased.
        inverse: (C,), 1 / √(variance + ε).
        gamma: (C,), or None.
        centred: about x − mean, as (A, C, B), see `convnets.functional.channels`.
        rest: (C,), the mean of `centred`, which is not quite zero; x̂ = (centred − rest) · inverse.
        of_batch: whether the statistics are those of the batch, and depend on x.
        has_beta: whether there is a beta.
        shape: of x.
        batch_last: whether x lay with the batch innermost.
    """

    mean: object
    variance: object
    inverse: object
    gamma: object
    centred: object
    rest: object
    of_batch: bool
    has_beta: bool
    shape: tuple[int, ...]
    batch_last: bool


def batch_norm(x, gamma, beta, statistics=None, eps=1e-5):
    """Normalise each feature over the batch, and in the spatial case over all pixels.

    μ = (1/m) Σ x,  σ² = (1/m) Σ (x − μ)²,  x̂ = (x − μ) / √(σ² + ε),  y = γ x̂ + β

    the sums running over the m = N values of a feature, or the m = N·H·W values of a channel. The
    mean is taken twice, of x and of what is left, so that float32 does not lose digits.

    Args:
        x: (N, D) or (N, C, H, W), floating point, NumPy or torch; y keeps its memory layout.
        gamma: (C,) or (D,), or None for 1.
        beta: (C,) or (D,), or None for 0.
        statistics: (mean, variance), each (C,) or (D,), in place of the batch's, as at test time;
            then they are constants for backward.
        eps: ε >= 0, added to the variance inside the root.
    Returns:
        y: the shape of x, and a cache for `batch_norm_backward`, of which `mean` and `variance`
        may be read.
    Raises:
        ShapeError: shapes that do not fit; without `statistics`, fewer than two values of a
            feature, which would all become beta.
        ValueError: eps is negative, or a variance in NumPy; a device is not waited for.
    Reference: Ioffe and Szegedy 2015, arXiv:1502.03167.

    >>> import numpy as np
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> y, cache = batch_norm(x, gamma=None, beta=None)
    >>> y.round(3), cache.mean, cache.variance
    (array([[-1., -1.],
           [ 1.,  1.]]), array([ 2., 20.]), array([  1., 100.]))
    """
    eps = small_constant(eps)
    xp = float_namespace(x, gamma, beta, *(statistics or ()))
    _check(x, gamma, beta, statistics)
    last = batch_is_last(x)
    seen = by_feature(x, last)
    if statistics is None:
        mean, variance, centred, rest = _centre(xp, seen)
    else:
        (mean, variance), rest = statistics, xp.zeros_like(statistics[0])
        centred = seen - mean[:, None]
    inverse = (variance + eps) ** -0.5
    scale = inverse if gamma is None else inverse * gamma
    y = centred * scale[:, None]
    y += (-rest * scale if beta is None else beta - rest * scale)[:, None]
    shape = tuple(x.shape)
    cache = BatchNormCache(
        mean, variance, inverse, gamma, centred, rest, statistics is None, beta is not None, shape,
        last,
    )  # fmt: skip
    return as_given(y, shape, last), cache


def batch_norm_backward(dy, cache):
    """Gradients of `batch_norm`, in closed form.

    dβ = Σ dy,  dγ = Σ dy · x̂,  dx = γ / √(σ² + ε) · (dy − dβ/m − x̂ · dγ/m)

    The last two terms are what μ and σ² depend on x for. Without them, dx = γ / √(σ² + ε) · dy,
    where the statistics were given.

    Args:
        dy: the shape of y.
        cache: from `batch_norm`.
    Returns:
        dx, the shape of x; dgamma and dbeta, (C,), or None where there was no gamma or beta.
    Raises:
        ShapeError: dy has not the shape of y.
    Reference: Ioffe and Szegedy 2015, arXiv:1502.03167, section 3.
    """
    xp = float_namespace(dy, cache.centred, cache.gamma)
    expect_shape(dy, "dy", cache.shape, like="the output")
    dy, centred, inverse = by_feature(dy, cache.batch_last), cache.centred, cache.inverse
    m = dy.shape[0] * dy.shape[2]
    dbeta = xp.einsum("acb->c", dy)
    # Σ dy · x̂, where x̂ = (centred − rest) · inverse
    dgamma = (xp.einsum("acb,acb->c", dy, centred) - cache.rest * dbeta) * inverse
    scale = inverse if cache.gamma is None else inverse * cache.gamma
    if cache.of_batch:
        slope = inverse * dgamma / m
        dx = centred * -slope[:, None]
        dx += dy
        dx += (cache.rest * slope - dbeta / m)[:, None]
        dx *= scale[:, None]
    else:
        dx = dy * scale[:, None]
    return (
        as_given(dx, cache.shape, cache.batch_last),
        None if cache.gamma is None else dgamma,
        dbeta if cache.has_beta else None,
    )


def small_constant(eps, name: str = "eps") -> float:
    """Read ε, a finite number >= 0; `name` is how errors call it.

    >>> small_constant(1e-5)
    1e-05
    """
    plain = number(eps)
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not 0 <= plain < math.inf:
        raise ValueError(f"{name} must be a finite number >= 0, but is {eps!r}; try 1e-5.")
    return float(plain)


def _centre(xp, x):
    """Mean and biased variance of each feature, x − mean, and how much that misses the mean by.

    Far from zero, a mean in float32 is some digits short of what is left when it is subtracted.
    """
    m = x.shape[0] * x.shape[2]
    mean = xp.einsum("acb->c", x) / m
    centred = x - mean[:, None]
    rest = xp.einsum("acb->c", centred) / m
    variance = xp.einsum("acb,acb->c", centred, centred) / m - rest**2
    return mean + rest, variance, centred, rest


def _check(x, gamma, beta, statistics) -> None:
    count = x.shape[1] if len(x.shape) > 1 else 0
    expect_features(x, gamma=gamma, beta=beta)
    if statistics is not None:
        mean, variance = statistics
        expect_features(x, mean=mean, variance=variance)
        if not is_torch(variance) and (variance < 0).any():
            raise ValueError(
                f"the variance must be >= 0, but its smallest value is {variance.min()}; give "
                "statistics as (mean, variance)."
            )
    elif count and math.prod(x.shape) // count < 2:
        raise ShapeError(
            "batch normalisation needs more than 1 value per channel in training, but x is "
            f"{tuple(x.shape)}: all would become beta. Use larger batches, or give statistics, as "
            "layers do in evaluation."
        )
