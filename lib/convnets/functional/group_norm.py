"""Group normalisation: each image by itself, a few channels at a time; instance norm is one each.

Both work on x seen as (I, A, C, B, J), in the order in which it lies in memory: (N, 1, C, H·W, 1),
or with the batch innermost (1, H, C, W, N). What there is one of for each image and channel is then
(I, C, J), whichever of I and J the images are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from convnets.arrays import batch_last, contiguous, float_namespace, from_rows, namespace, rows_of
from convnets.functional.batch_norm import small_constant
from convnets.functional.channels import batch_is_last, expect_features
from convnets.shapes import ShapeError, expect_shape, whole


class GroupNormCache(NamedTuple):
    """What `group_norm` keeps for its backward pass.

    Attributes:
        centred: about x − mean, (I, A, C, B, J).
        rest: (I, C, J), the mean of `centred`, which is not quite zero; x̂ = (centred − rest) ·
            inverse.
        inverse: (I, C, J), 1 / √(variance + ε).
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
    seen, m = _seen(x, last), math.prod(x.shape[1:]) // groups
    mean = _over_groups(_sums(xp, seen), groups) / m
    centred = seen - _spread(mean, seen)
    # Far from zero, a mean in float32 is some digits short of what is left.
    rest = _over_groups(_sums(xp, centred), groups) / m
    variance = _over_groups(_sums(xp, centred, centred), groups) / m - rest**2
    inverse = (variance + eps) ** -0.5
    scale = inverse if gamma is None else inverse * gamma[:, None]
    y = centred * _spread(scale, seen)
    y += _spread(-rest * scale if beta is None else beta[:, None] - rest * scale, seen)
    shape = tuple(x.shape)
    cache = GroupNormCache(centred, rest, inverse, gamma, groups, beta is not None, shape, last)
    return _as_given(y, shape, last), cache


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
    xp = float_namespace(dy, centred)
    expect_shape(dy, "dy", shape, like="the output")
    dy, m = _seen(dy, last), math.prod(shape[1:]) // groups
    sum_dy = _sums(xp, dy)
    sum_dy_x = (_sums(xp, dy, centred) - rest * sum_dy) * inverse  # of dy · x̂
    weight = 1.0 if gamma is None else gamma[:, None]
    mean = _over_groups(weight * sum_dy, groups) / m
    slope = _over_groups(weight * sum_dy_x, groups) / m * inverse**2
    dx = centred * _spread(-slope, dy)
    dx += dy * _spread(weight * inverse, dy)
    dx += _spread(rest * slope - mean * inverse, dy)
    dgamma = None if gamma is None else xp.sum(sum_dy_x, axis=(0, 2))
    return _as_given(dx, shape, last), dgamma, xp.sum(sum_dy, axis=(0, 2)) if has_beta else None


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


def _seen(x, last: bool):
    if len(x.shape) == 2:
        return (
            contiguous(x.T)[None, None, :, None] if last else contiguous(x)[:, None, :, None, None]
        )
    if last:
        return rows_of(batch_last(x))[None]
    n, c, h, w = x.shape
    return contiguous(x).reshape(n, 1, c, h * w, 1)


def _as_given(seen, shape: tuple[int, ...], last: bool):
    if not last:
        return seen.reshape(shape)
    return seen[0, 0, :, 0].T if len(shape) == 2 else from_rows(seen[0])


def _sums(xp, a, b=None):
    """Σ a, or Σ a · b, over the pixels of each image and channel: (I, C, J)."""
    arrays = (a,) if b is None else (a, b)
    letters = ",".join(["iacbj"] * len(arrays))
    if a.shape[-1] == 1:
        return xp.einsum(f"{letters}->icj", *arrays)
    # With images innermost, whole rows are added first: those are long runs in memory.
    return xp.sum(xp.einsum(f"{letters}->icbj", *arrays), axis=2)


def _over_groups(sums, groups: int):
    """Each channel's sum replaced by that of its group; (I, C, J)."""
    i, c, j = sums.shape
    parts = sums.reshape(i, groups, c // groups, j)
    total = namespace(sums).broadcast_to(parts.sum(2)[:, :, None], parts.shape)
    return total.reshape(i, c, j)


def _spread(values, seen):
    """(I, C, J) as it is broadcast to `seen`; repeated along rows where that makes long runs."""
    values = values[:, None, :, None]
    if seen.shape[-1] == 1:
        return values
    return contiguous(namespace(values).broadcast_to(values, (1, 1, *seen.shape[2:])))


def _check(x, groups: int, gamma, beta) -> None:
    expect_features(x)
    count = x.shape[1]
    for name, values in (("gamma", gamma), ("beta", beta)):
        if values is not None:
            expect_shape(values, name, (count,), like=f"the {count} channels of x")
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
