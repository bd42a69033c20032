"""Normalisation of activations: local response normalisation across channels."""

from __future__ import annotations

from convnets.arrays import float_namespace, number
from convnets.shapes import expect_axes, expect_shape, whole


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """Divide each activation by a power of the energy of the channels around it.

    y[n, c] = x[n, c] / s[n, c]^β,  s[n, c] = k + α Σ_j x[n, j]²,  c − size//2 ≤ j ≤ c + (size−1)//2

    at each pixel, j staying within the channels. The defaults are AlexNet's, and α multiplies the
    sum as there. PyTorch and Caffe multiply the mean over the window: pass them alpha · size.

    Args:
        x: (N, C, H, W), floating point, NumPy or torch; the result keeps its memory layout.
        size: int ≥ 1, channels in the window, centred where odd.
        alpha: weight of the sum of squares.
        beta: exponent.
        k: constant, which keeps the divisor from 0 where it is positive.
    Returns:
        y: (N, C, H, W), and a cache for `local_response_norm_backward`.
    Raises:
        ShapeError: x has not four axes, or size is below 1.
    Reference:
        Krizhevsky, Sutskever, Hinton 2012, ImageNet Classification with Deep Convolutional Neural
        Networks, NIPS, section 3.3.

    >>> import numpy as np
    >>> x = np.ones((1, 3, 1, 1))
    >>> local_response_norm(x, size=3, alpha=1.0, beta=1.0, k=0.0)[0].ravel().round(3)
    array([0.5  , 0.333, 0.5  ])
    """
    float_namespace(x)
    expect_axes(x, "x", "N, C, H, W")
    size, alpha, beta, k = whole(size, "size"), number(alpha), number(beta), number(k)
    scale = k + alpha * _channel_sums(x * x, size // 2, (size - 1) // 2)
    power = scale**-beta
    y = x * power
    return y, (x, y, scale, power, size, 2 * alpha * beta)


def local_response_norm_backward(dy, cache):
    """Gradient of `local_response_norm`.

    dx[c] = dy[c] / s[c]^β − 2αβ · x[c] · Σ_j dy[j] · y[j] / s[j]

    the sum running over the channels j whose window holds c.

    Args:
        dy: (N, C, H, W).
        cache: from `local_response_norm`.
    Returns:
        dx: (N, C, H, W).
    Raises:
        ShapeError: dy has not the shape of y.
    """
    x, y, scale, power, size, factor = cache
    float_namespace(dy, x)
    expect_shape(dy, "dy", x.shape, like="the output")
    # c lies in the window of j where j lies in the mirrored window of c.
    shared = _channel_sums(dy * y / scale, (size - 1) // 2, size // 2)
    return dy * power - factor * x * shared


def _channel_sums(x, below: int, above: int):
    """Σ over j from c − below to c + above of x[:, j], with nothing outside the channels.

    Slices are added one by one: differences of a running sum would lose digits.
    """
    channels = x.shape[1]
    total = x * 1
    for shift in range(1, min(below, channels - 1) + 1):
        total[:, shift:] += x[:, :-shift]
    for shift in range(1, min(above, channels - 1) + 1):
        total[:, :-shift] += x[:, shift:]
    return total
