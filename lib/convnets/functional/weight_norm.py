"""Weight normalisation: length and direction of weights apart; and the mean-only batch norm."""

from __future__ import annotations

from typing import NamedTuple

from convnets.arrays import float_namespace
from convnets.functional.channels import as_given, batch_is_last, by_feature, expect_features
from convnets.shapes import ShapeError, expect_shape


class MeanOnlyCache(NamedTuple):
    """What `mean_only_batch_norm` keeps for its backward pass.

    Attributes:
        mean: (C,), what was subtracted.
        of_batch: whether it is the batch's, and depends on x.
        has_beta: whether there is a beta.
        shape: of x.
        batch_last: whether x lay with the batch innermost.
    """

    mean: object
    of_batch: bool
    has_beta: bool
    shape: tuple[int, ...]
    batch_last: bool


def weight_norm(v, g):
    """Weights whose length is a parameter of its own.

    w[f] = g[f] · v[f] / ‖v[f]‖,  the norm being that of all weights of output f

    Args:
        v: (F, D) of a linear layer or (F, C, KH, KW), floating point, NumPy or torch.
        g: (F,), lengths; a negative one turns its weights around.
    Returns:
        w: the shape of v, and a cache for `weight_norm_backward`.
    Raises:
        ShapeError: shapes that do not fit.
        ValueError: the v of an output is all zero and has no direction.
    Reference: Salimans and Kingma 2016, arXiv:1602.07868.

    >>> import numpy as np
    >>> weight_norm(np.array([[3.0, 4.0]]), np.array([10.0]))[0]
    array([[6., 8.]])
    """
    xp = float_namespace(v, g)
    if len(v.shape) < 2:
        raise ShapeError(
            f"v must be (F, D) or (F, C, KH, KW), v[f] for output f, but is {tuple(v.shape)}."
        )
    expect_shape(g, "g", v.shape[:1], like="the outputs of v")
    axes = tuple(range(1, len(v.shape)))
    # Divided by the largest first, so that squares neither overflow nor vanish.
    largest = xp.max(xp.abs(v), axis=axes, keepdims=True)
    if not getattr(v, "is_meta", False) and bool((largest == 0).any()):
        raise ValueError(
            "the weights v of an output are all zero, so that v/‖v‖ is no direction; draw v at "
            "random, and let g be zero where outputs should begin at zero."
        )
    norm = largest * xp.sum((v / largest) ** 2, axis=axes, keepdims=True) ** 0.5
    unit = v / norm
    length = g.reshape(norm.shape)
    return unit * length, (unit, norm, length)


def weight_norm_backward(dw, cache):
    """Gradients of `weight_norm`.

    dg[f] = dw[f] · v[f] / ‖v[f]‖,  dv[f] = (g[f] / ‖v[f]‖) · (dw[f] − dg[f] · v[f] / ‖v[f]‖)

    So dv is perpendicular to v, and a step along it makes v longer.

    Args:
        dw: the shape of w.
        cache: from `weight_norm`.
    Returns:
        dv, the shape of v, and dg (F,).
    Raises:
        ShapeError: dw has not the shape of w.
    """
    unit, norm, length = cache
    xp = float_namespace(dw, unit, length)
    expect_shape(dw, "dw", unit.shape, like="the weights")
    dg = xp.sum(dw * unit, axis=tuple(range(1, len(unit.shape))), keepdims=True)
    return length / norm * (dw - dg * unit), dg.reshape(-1)


def mean_only_batch_norm(x, beta, mean=None):
    """Subtract the batch's mean of each feature, and leave the variance.

    y = x − μ + β,  μ = (1/m) Σ x  over the batch, and in the spatial case over all pixels

    Args:
        x: (N, D) or (N, C, H, W), floating point, NumPy or torch; y keeps its memory layout.
        beta: (D,) or (C,), or None for 0.
        mean: (D,) or (C,), in place of the batch's, as at test time; a constant for backward.
    Returns:
        y: the shape of x, and a cache for `mean_only_batch_norm_backward`, of which
        `mean` may be read.
    Raises:
        ShapeError: shapes that do not fit; without `mean`, fewer than two values of a feature.
    Reference: Salimans and Kingma 2016, arXiv:1602.07868, section 4.

    >>> import numpy as np
    >>> mean_only_batch_norm(np.array([[1.0], [5.0]]), np.array([10.0]))[0]
    array([[ 8.],
           [12.]])
    """
    xp = float_namespace(x, beta, mean)
    expect_features(x, beta=beta, mean=mean)
    last, of_batch = batch_is_last(x), mean is None
    seen = by_feature(x, last)
    m = seen.shape[0] * seen.shape[2]
    if of_batch and m < 2:
        raise ShapeError(
            "mean-only batch normalisation needs more than 1 value per channel in training, but x "
            f"is {tuple(x.shape)}: all would become beta. Use larger batches, or give the mean, as "
            "layers do in evaluation."
        )
    mean = xp.einsum("acb->c", seen) / m if of_batch else mean
    y = seen - mean[:, None]
    if of_batch:
        # Far from zero, a mean in float32 is some digits short of what is left.
        rest = xp.einsum("acb->c", y) / m
        mean, y = mean + rest, y - rest[:, None]
    if beta is not None:
        y += beta[:, None]
    shape = tuple(x.shape)
    return as_given(y, shape, last), MeanOnlyCache(mean, of_batch, beta is not None, shape, last)


def mean_only_batch_norm_backward(dy, cache):
    """Gradients of `mean_only_batch_norm`.

    dβ = Σ dy,  dx = dy − dβ/m,  or dx = dy where the mean was given

    Args:
        dy: the shape of y.
        cache: from `mean_only_batch_norm`.
    Returns:
        dx, the shape of x, and dbeta, (D,) or (C,), or None where there was no beta.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    mean, of_batch, has_beta, shape, last = cache
    xp = float_namespace(dy, mean)
    expect_shape(dy, "dy", shape, like="the output")
    seen = by_feature(dy, last)
    dbeta = xp.einsum("acb->c", seen)
    dx = seen - (dbeta / (seen.shape[0] * seen.shape[2]))[:, None] if of_batch else seen * 1
    return as_given(dx, shape, last), dbeta if has_beta else None
