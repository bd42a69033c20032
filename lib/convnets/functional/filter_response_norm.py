"""Filter response normalisation, which knows no mean, and the rectifier that goes with it."""

from __future__ import annotations

import math

from convnets.arrays import float_namespace
from convnets.functional.batch_norm import small_constant
from convnets.functional.channels import expect_features
from convnets.shapes import ShapeError, expect_axes, expect_shape


def filter_response_norm(x, gamma, beta, eps=1e-6):
    """Divide each channel of each image by the root of its mean square.

    ν²[n, c] = (1 / (H·W)) Σ_{h, w} x[n, c, h, w]²,  y = γ[c] · x / √(ν² + ε) + β[c]

    Neither other images nor other channels matter. As nothing is centred, y may lie far from zero:
    the paper puts `thresholded_linear` after it in place of ReLU.

    Args:
        x: (N, C, H, W), floating point, NumPy or torch; y keeps its memory layout.
        gamma: (C,), or None for 1.
        beta: (C,), or None for 0.
        eps: ε >= 0, inside the root. For maps of one pixel the paper learns it.
    Returns:
        y: (N, C, H, W), and a cache for `filter_response_norm_backward`.
    Raises:
        ShapeError: shapes that do not fit, or images without pixels.
        ValueError: eps is negative.
    Reference: Singh and Krishnan 2020, arXiv:1911.09737.

    >>> import numpy as np
    >>> x = np.array([[[[3.0, 1.0], [1.0, 5.0]]]]) # the mean square is 9
    >>> filter_response_norm(x, None, None)[0].round(3).ravel()
    array([1.   , 0.333, 0.333, 1.667])
    """
    eps = small_constant(eps)
    xp = float_namespace(x, gamma, beta)
    expect_axes(x, "x", "N, C, H, W")
    expect_features(x, gamma=gamma, beta=beta)
    pixels = math.prod(x.shape[2:])
    if pixels < 1:
        raise ShapeError(f"images need at least 1 pixel, but x is {tuple(x.shape)}.")
    inverse = (xp.einsum("nchw,nchw->nc", x, x)[:, :, None, None] / pixels + eps) ** -0.5
    y = x * (inverse if gamma is None else inverse * _column(gamma))
    if beta is not None:
        y += _column(beta)
    return y, (x, inverse, gamma, beta is not None)


def filter_response_norm_backward(dy, cache):
    """Gradients of `filter_response_norm`.

    dβ[c] = Σ dy,  dγ[c] = Σ dy · x̂,  and with x̂ = x / √(ν² + ε) and dx̂ = γ dy

    dx = (dx̂ − x̂ · mean(dx̂ · x̂)) / √(ν² + ε),  the mean over the pixels

    Args:
        dy: (N, C, H, W).
        cache: from `filter_response_norm`.
    Returns:
        dx (N, C, H, W); dgamma and dbeta, (C,), or None where there was no gamma or beta.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    x, inverse, gamma, has_beta = cache
    xp = float_namespace(dy, x)
    expect_shape(dy, "dy", x.shape, like="the output")
    along = xp.einsum("nchw,nchw->nc", dy, x)[:, :, None, None] * inverse  # Σ dy · x̂
    scale = inverse if gamma is None else inverse * _column(gamma)
    dx = x * (-scale * along * inverse / math.prod(x.shape[2:]))
    dx += dy * scale
    dgamma = None if gamma is None else xp.sum(along, axis=(0, 2, 3))
    return dx, dgamma, xp.einsum("nchw->c", dy) if has_beta else None


def thresholded_linear(y, tau):
    """A rectifier with a learned threshold for each channel (TLU).

    z = max(y, τ[c])

    Args:
        y: (N, C, H, W) or (N, D), floating point, NumPy or torch; z keeps its memory layout.
        tau: (C,) or (D,); at 0 it is ReLU.
    Returns:
        z: the shape of y, and a cache for `thresholded_linear_backward`.
    Raises:
        ShapeError: shapes that do not fit.
    Reference: Singh and Krishnan 2020, arXiv:1911.09737.

    >>> import numpy as np
    >>> thresholded_linear(np.array([[-2.0, 3.0], [0.0, -1.0]]), np.array([-1.0, 1.0]))[0]
    array([[-1.,  3.],
           [ 0.,  1.]])
    """
    xp = float_namespace(y, tau)
    expect_features(y, "y", tau=tau)
    threshold = tau.reshape(-1, *(1,) * (len(y.shape) - 2))
    return xp.maximum(y, threshold), y > threshold


def thresholded_linear_backward(dz, cache):
    """Gradients of `thresholded_linear`: to y where it lies above τ, to τ elsewhere.

    dy = dz where y > τ, else 0,  dτ[c] = Σ dz over the places where y ≤ τ

    At a tie the whole gradient goes to τ.

    Args:
        dz: the shape of z.
        cache: from `thresholded_linear`.
    Returns:
        dy, the shape of y, and dtau, (C,) or (D,).
    Raises:
        ShapeError: dz has not the shape of z.
    """
    xp = float_namespace(dz)
    expect_shape(dz, "dz", cache.shape, like="the output")
    dy = dz * cache
    return dy, xp.sum(dz - dy, axis=(0, *range(2, len(dz.shape))))


def _column(values):
    """(C,) as it is broadcast to images."""
    return values[:, None, None]
