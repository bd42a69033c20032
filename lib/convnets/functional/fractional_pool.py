"""Fractional max pooling: max pooling that shrinks by a ratio between whole numbers, at random."""

from __future__ import annotations

import numpy as np

from convnets.arrays import batch_last, float_namespace, from_rows, rows_of
from convnets.functional.pool import max_pool2d, max_pool2d_backward
from convnets.random import numbers
from convnets.shapes import ShapeError, expect_axes, pair


def fractional_max_pool2d(x, output_size, rng, kernel_size=2):
    """Maximum over windows whose distances mix two steps, so that any output size can be had.

    Along each axis one u is drawn from U[0, 1), and the windows, `kernel_size` long, begin at

        a_i = ceil(α·(i + u)) − ceil(α·u),  α = (size − kernel) / (output − 1)

    the pseudo-random sequence of the paper, moved to begin at 0 and to end where the last window
    touches the border. The steps a_{i+1} − a_i are the two whole numbers next to α; with α in
    (1, 2) they are 1 and 2, and with the usual kernel of 2 windows overlap where the step is 1.
    Pixels are left out only where α exceeds the kernel. The regions are a product of rows and
    columns, the same for all images and channels of a call, and drawn anew by the next call. At
    test time Graham averages the predictions of several calls.

    Args:
        x: (N, C, H, W), floating point, NumPy or torch, in any memory layout.
        output_size: int or (HO, WO), at most H − KH + 1 and W − KW + 1.
        rng: numpy.random.Generator, or torch.Generator for torch arrays.
        kernel_size: int or (KH, KW), in pixels.
    Returns:
        y: (N, C, HO, WO), batch innermost in memory, and a cache for
        `fractional_max_pool2d_backward`.
    Raises:
        ShapeError: the output is too large for the input and the kernel.
        TypeError: rng is no generator.
    Reference:
        Graham 2014, Fractional Max-Pooling, arXiv:1412.6071.

    >>> x = np.arange(25.0).reshape(1, 1, 5, 5)
    >>> y, _ = fractional_max_pool2d(x, 3, np.random.default_rng(0))
    >>> y[0, 0]
    array([[ 6.,  7.,  9.],
           [16., 17., 19.],
           [21., 22., 24.]])
    """
    float_namespace(x)
    expect_axes(x, "x", "N, C, H, W")
    output, kernel = pair(output_size, "output_size"), pair(kernel_size, "kernel_size")
    high, wide = (
        window_starts(size, count, span, u)
        for size, count, span, u in zip(x.shape[2:], output, kernel, numbers(rng, 2), strict=True)
    )
    rows = rows_of(batch_last(x))
    side_by_side = rows[_pixels(high, kernel[0])][:, :, _pixels(wide, kernel[1])]
    # Windows laid side by side do not overlap: what remains is max pooling with stride = kernel.
    y, pooled = max_pool2d(from_rows(side_by_side), kernel)
    return y, (tuple(x.shape), high, wide, kernel, pooled)


def fractional_max_pool2d_backward(dy, cache):
    """Gradient of `fractional_max_pool2d`: each dy goes to the pixel that was its window's maximum.

    Ties and overlaps are treated as in `max_pool2d_backward`.

    Args:
        dy: (N, C, HO, WO).
        cache: from `fractional_max_pool2d`.
    Returns:
        dx: (N, C, H, W), batch innermost in memory.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    (n, c, h, w), high, wide, kernel, pooled = cache
    xp = float_namespace(dy)
    side_by_side = rows_of(max_pool2d_backward(dy, pooled))
    # Starts rise strictly, so within one tap no pixel is named twice and += misses nothing.
    columns = xp.zeros((side_by_side.shape[0], c, w, n), dtype=dy.dtype, device=dy.device)
    for q in range(kernel[1]):
        columns[:, :, wide + q] += side_by_side[:, :, q :: kernel[1]]
    dx = xp.zeros((h, c, w, n), dtype=dy.dtype, device=dy.device)
    for p in range(kernel[0]):
        dx[high + p] += columns[p :: kernel[0]]
    return from_rows(dx)


def window_starts(size: int, count: int, kernel: int, u: float) -> np.ndarray:
    """First pixel of each window along one axis: a_i = ceil(α·(i + u)) − ceil(α·u).

    Args:
        size: pixels along the axis.
        count: windows, from 1 to size − kernel + 1. A single window lies at the far end.
        kernel: pixels in a window.
        u: the random number, in [0, 1).
    Returns:
        (count,) integers rising strictly to size − kernel; from 0 where count > 1.
    Raises:
        ShapeError: more windows than places for them.

    >>> window_starts(7, count=4, kernel=2, u=0.5)
    array([0, 2, 4, 5])
    """
    room = size - kernel
    if count > room + 1:
        raise ShapeError(
            f"{count} windows of {kernel} do not fit {size} pixels without two being the same: "
            f"use an output size of at most size − kernel + 1 = {room + 1}."
        )
    if count == 1:
        return np.array([room])
    # In whole numbers: a rounded α·(i + u) could put two windows on one place.
    numerator, denominator = u.as_integer_ratio()
    starts = [
        -(-room * (i * denominator + numerator) // ((count - 1) * denominator))
        for i in range(count)
    ]
    return np.array(starts) - starts[0]


def _pixels(starts: np.ndarray, kernel: int) -> np.ndarray:
    return (starts[:, None] + np.arange(kernel)).reshape(-1)
