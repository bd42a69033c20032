"""Group normalisation: each image by itself, a few channels at a time; instance norm is one each.

Both work on x seen as (A, C, B), see `convnets.functional.channels`: (N, C, H·W), or with the batch
innermost (H, C, W·N). What there is one of for each image and channel or group is (N, C) or (N, G).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from convnets.arrays import float_namespace
from convnets.functional.batch_norm import small_constant
from convnets.functional.channels import (
    as_given,
    batch_is_last,
    by_feature,
    combined,
    expect_features,
    near_zero,
)
from convnets.functional.image_channels import by_channel, over_groups, spread, sums
from convnets.shapes import ShapeError, expect_shape, whole


class GroupNormCache(NamedTuple):
    """What `group_norm` keeps for its backward pass.

    Attributes:
        centred: x, or about x − mean where a mean is large; (A, C, B).
        rest: (N, G), the mean of `centred`; x̂ = (centred − rest) · inverse.
        inverse: (N, G), 1 / √(variance + ε).
        gamma: (C,), or None.
        groups: how many there are.
        has_beta: whether there is a beta.
        shape: of x.
        batch_last: whether x lay with the batch innermost.
    """

    centred: object
    rest: object
    inverse: object
    gamma: object
    groups: int
    has_beta: bool
    shape: tuple[int, ...]
    batch_last: bool


def group_norm(x, groups, gamma, beta, eps=1e-5):
    """Normalise each image over the channels of a group and all pixels.

    y = γ[c] · (x − μ[n, g]) / √(σ²[n, g] + ε) + β[c]

    μ and the biased σ² being taken over the C/groups · H · W values of image n in group g, so that
    other images of the batch do not matter, and training and test do the same.

    Args:
        x: (N, C, H, W) or (N, C), floating point, NumPy or torch; y keeps its memory layout.
        groups: how many, a divisor of C; 1 takes all channels together, C each by itself.
        gamma: (C,), or None for 1.
        beta: (C,), or None for 0.
        eps: ε >= 0, inside the root.
    Returns:
        y: the shape of x, and a cache for `group_norm_backward`.
    Raises:
        ShapeError: shapes that do not fit, groups that do not divide C, or a group of one value,
            which would become beta.
        ValueError: eps is negative.
    Reference: Wu and He 2018, arXiv:1803.08494.

    >>> import numpy as np
    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), 2, None, None)[0].round(3)
    array([[-1.,  1., -1.,  1.]])
    """
    eps, groups = small_constant(eps), whole(groups, "groups")
    xp = float_namespace(x, gamma, beta)
    _check(x, groups, gamma, beta)
    last = batch_is_last(x)
    seen = by_feature(x, last)
    centred, rest, variance = _centre(xp, seen, groups, x.shape[0], last)
    inverse = (variance + eps) ** -0.5
    scale, shift = _scaled(inverse, gamma), _scaled(-rest * inverse, gamma)
    shift = shift if beta is None else by_channel(shift, x.shape[1]) + beta
    y = combined(spread(shift, seen, last), (spread(scale, seen, last), centred))
    shape = tuple(x.shape)
    cache = GroupNormCache(centred, rest, inverse, gamma, groups, beta is not None, shape, last)
    return as_given(y, shape, last), cache


def group_norm_backward(dy, cache):
    """Gradients of `group_norm`.

    dβ[c] = Σ dy,  dγ[c] = Σ dy · x̂  over images and pixels, and with dx̂ = γ dy

    dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / √(σ² + ε),  the means over the group of the image

    Args:
        dy: the shape of y.
        cache: from `group_norm`.
    Returns:
        dx, the shape of x; dgamma and dbeta, (C,), or None where there was no gamma or beta.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    centred, rest, inverse, gamma, groups, has_beta, shape, last = cache
    xp = float_namespace(dy, centred, gamma)
    expect_shape(dy, "dy", shape, like="the output")
    dy, m = by_feature(dy, last), math.prod(shape[1:]) // groups
    sum_dy, sum_dy_x = (sums(xp, (dy, *other), shape[0], last) for other in ((), (centred,)))
    sum_dy_x -= by_channel(rest, shape[1]) * sum_dy
    sum_dy_x *= by_channel(inverse, shape[1])  # of dy · x̂
    weight = 1.0 if gamma is None else gamma
    mean = over_groups(weight * sum_dy, groups) / m
    slope = over_groups(weight * sum_dy_x, groups) / m * inverse**2
    dx = combined(
        spread(rest * slope - mean * inverse, dy, last),
        (spread(-slope, dy, last), centred),
        (spread(_scaled(inverse, gamma), dy, last), dy),
    )
    dgamma = None if gamma is None else xp.sum(sum_dy_x, axis=0)
    return as_given(dx, shape, last), dgamma, xp.sum(sum_dy, axis=0) if has_beta else None


def instance_norm(x, gamma, beta, eps=1e-5):
    """Normalise each channel of each image by itself: `group_norm` with a group for each channel.

    y[n, c] = γ[c] · (x[n, c] − μ[n, c]) / √(σ²[n, c] + ε) + β[c]

    Args, Returns, Raises: as for `group_norm`; x (N, C, H, W) with two pixels or more.
    Reference: Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022.

    >>> import numpy as np
    >>> instance_norm(np.array([[[[1.0, 3.0]], [[5.0, 1.0]]]]), None, None)[0].round(3).ravel()
    array([-1.,  1.,  1., -1.])
    """
    expect_features(x)
    return group_norm(x, x.shape[1], gamma, beta, eps)


def instance_norm_backward(dy, cache):
    """Gradients of `instance_norm`; see `group_norm_backward`."""
    return group_norm_backward(dy, cache)


def _centre(xp, x, groups: int, n: int, last: bool):
    """x − mean, or x where all means are near zero, and its mean and variance, (N, G)."""

    def mean_of(*factors):
        m = math.prod(x.shape) // max(n, 1) // groups
        return over_groups(sums(xp, factors, n, last), groups) / m

    mean = mean_of(x)
    variance = mean_of(x, x) - mean**2
    if near_zero(mean, variance):
        return x, mean, variance
    # Far from zero, a mean in float32 is some digits short of what is left.
    centred = x - spread(by_channel(mean, x.shape[1]), x, last)
    rest = mean_of(centred)
    return centred, rest, mean_of(centred, centred) - rest**2


def _scaled(values, gamma):
    """(N, G) times γ, (N, C); as it is where there is no γ."""
    return values if gamma is None else by_channel(values, gamma.shape[0]) * gamma


def _check(x, groups: int, gamma, beta) -> None:
    expect_features(x, gamma=gamma, beta=beta)
    count = x.shape[1]
    if count % groups:
        raise ShapeError(
            f"groups={groups} must divide the {count} channels of x, {tuple(x.shape)}; try "
            f"{math.gcd(groups, count)}."
        )
    if math.prod(x.shape[1:]) // groups < 2:
        raise ShapeError(
            f"a group of an image needs at least 2 values, but x {tuple(x.shape)} has "
            f"{math.prod(x.shape[1:]) // groups} in each of {groups} groups, which would become "
            "beta; use fewer groups."
        )
