"""Pooling: the maximum or the mean over windows of each channel."""

from __future__ import annotations

from functools import partial

from convnets.arrays import batch_last, contiguous, float_namespace, from_rows, permuted, rows_of
from convnets.functional.windows import Windows
from convnets.shapes import expect_axes, expect_shape


def max_pool2d(x, kernel_size, stride=None, padding=0):
    """Maximum over windows of each channel.

    y[n, c, i, j] = max over 0 ≤ p < KH, 0 ≤ q < KW of x[n, c, i·SH + p − PH, j·SW + q − PW]

    The padding counts as −∞, so it is never the maximum. NaN in a window makes its output NaN.
    The formula as loops, to be read: `convnets.functional.plain.max_pool2d`.

    Args:
        x: (N, C, H, W), floating point, NumPy or torch, in any memory layout.
        kernel_size: int or (KH, KW), in pixels.
        stride: int or (SH, SW), in pixels; the kernel size where left out. Windows overlap where
            it is smaller; pixels at the far end that no whole window reaches are left out.
        padding: int or (PH, PW), in pixels, at most half the kernel size.
    Returns:
        y: (N, C, HO, WO), batch innermost in memory, and a cache for `max_pool2d_backward`.
    Raises:
        ShapeError: a window does not fit, or an argument is out of its range.
    Reference:
        Zhou, Chellappa 1988, Computation of optical flow using a neural network, ICNN;
        Ranzato, Huang, Boureau, LeCun 2007, Unsupervised Learning of Invariant Feature
        Hierarchies with Applications to Object Recognition, CVPR.

    >>> import numpy as np
    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> max_pool2d(x, 2)[0][0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    xp = float_namespace(x)
    windows = Windows.over(x, kernel_size, stride, padding)
    rows = rows_of(batch_last(x))
    kh, kw = windows.kernel
    whole = xp.uint8 if kh * kw <= 256 else xp.int32
    y = xp.empty(windows.output_rows, dtype=x.dtype, device=x.device)
    winner = xp.empty(windows.output_rows, dtype=whole, device=x.device)
    for block in windows.blocks(x.device):
        # Along the width, then along the height: KW + KH taps instead of KW · KH.
        pixels = rows[windows.image_block(block)]
        shape = (pixels.shape[0], *windows.output_rows[1:])
        wide = xp.empty(shape, dtype=x.dtype, device=x.device)
        column = xp.empty(shape, dtype=whole, device=x.device)
        across = (permuted(a, (2, 0, 1, 3)) for a in (pixels, wide, column))
        _maximum(xp, windows.across(), lambda tap, _: tap, *across)
        taps = partial(_tap_number, column, kw)
        _maximum(xp, windows.down(block), taps, wide, y[block], winner[block])
    return from_rows(y), (winner, windows)


def _tap_number(column, kw, row, inputs):
    return column[inputs] + row * kw


def _maximum(xp, steps, number, pixels, best, winner):
    """Write the maximum along the first axis into `best`, its tap's number into `winner`.

    Args:
        steps: the taps along this axis, in order.
        number: (tap, index of its pixels) -> the number by which it is known, rising with the tap.
        pixels: what to compare.
    """
    for tap, first, later in steps:
        if first:
            outputs, inputs = first
            best[outputs], winner[outputs] = pixels[inputs], number(tap, inputs)
        if later:
            outputs, inputs = later
            seen, new, who = best[outputs], pixels[inputs], winner[outputs]
            # Strictly greater, with taps in order: the first of equal pixels stays the winner.
            greater = xp.astype(new > seen, who.dtype)
            xp.maximum(who, greater * number(tap, inputs), out=who)
            xp.maximum(seen, new, out=seen)


def max_pool2d_backward(dy, cache):
    """Gradient of `max_pool2d`: each dy goes to the pixel that was its window's maximum.

    Among equal maxima, the first in row-major window order gets all of it, as in PyTorch. Where
    windows overlap, a pixel sums what it gets. (Where a window holds NaN, one pixel of it gets the
    gradient, but which is not specified.)

    As loops: `convnets.functional.plain.max_pool2d_backward`.

    Args:
        dy: (N, C, HO, WO).
        cache: from `max_pool2d`.
    Returns:
        dx: (N, C, H, W), batch innermost in memory.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    winner, windows = cache
    xp = float_namespace(dy)
    expect_shape(dy, "dy", windows.output, like="the output")
    drows = rows_of(batch_last(dy))
    dx = xp.zeros(windows.image_rows, dtype=dy.dtype, device=dy.device)
    for block in windows.blocks(dy.device):
        grad, who = drows[block], winner[block]
        for tap, outputs, inputs in windows.taps(block):
            # A product is faster than where(), but an infinite dy gives NaN all over its window.
            won = who[outputs] == tap
            if windows.overlap:
                dx[inputs] += grad[outputs] * won
            else:
                xp.multiply(grad[outputs], won, out=dx[inputs])
    return from_rows(dx)


def avg_pool2d(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    """Mean over windows of each channel.

    y[n, c, i, j] = 1/(KH·KW) Σ_{p, q} x[n, c, i·SH + p − PH, j·SW + q − PW]

    The formula as loops, to be read: `convnets.functional.plain.avg_pool2d`.

    Args:
        x: (N, C, H, W), floating point, NumPy or torch, in any memory layout.
        kernel_size: int or (KH, KW), in pixels.
        stride: int or (SH, SW), in pixels; the kernel size where left out.
        padding: int or (PH, PW), in pixels of value 0, at most half the kernel size.
        count_include_pad: divide by KH·KW everywhere; False divides each sum by the number of
            pixels of the image in its window.
    Returns:
        y: (N, C, HO, WO), batch innermost in memory, and a cache for `avg_pool2d_backward`.
    Raises:
        ShapeError: a window does not fit, or an argument is out of its range.
    Reference:
        LeCun, Bottou, Bengio, Haffner 1998, Gradient-Based Learning Applied to Document
        Recognition, doi:10.1109/5.726791 (its subsampling layers).

    >>> import numpy as np
    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> avg_pool2d(x, 2)[0][0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    xp = float_namespace(x)
    windows = Windows.over(x, kernel_size, stride, padding)
    rows = rows_of(batch_last(x))
    y = xp.zeros(windows.output_rows, dtype=x.dtype, device=x.device)
    for block in windows.blocks(x.device):
        for _, outputs, inputs in windows.taps(block):
            y[block][outputs] += rows[inputs]
    y /= _divisor(xp, windows, y, count_include_pad)
    return from_rows(y), (windows, count_include_pad)


def avg_pool2d_backward(dy, cache):
    """Gradient of `avg_pool2d`: each dy is shared evenly among the pixels of its window.

    As loops: `convnets.functional.plain.avg_pool2d_backward`.

    Args:
        dy: (N, C, HO, WO).
        cache: from `avg_pool2d`.
    Returns:
        dx: (N, C, H, W), batch innermost in memory.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    windows, count_include_pad = cache
    xp = float_namespace(dy)
    expect_shape(dy, "dy", windows.output, like="the output")
    rows = rows_of(batch_last(dy))
    shares = rows / _divisor(xp, windows, rows, count_include_pad)
    dx = xp.zeros(windows.image_rows, dtype=dy.dtype, device=dy.device)
    for block in windows.blocks(dy.device):
        for _, outputs, inputs in windows.taps(block):
            dx[inputs] += shares[block][outputs]
    return from_rows(dx)


def _divisor(xp, windows: Windows, rows, count_include_pad: bool):
    if count_include_pad:
        return windows.kernel[0] * windows.kernel[1]
    return windows.pixel_counts(xp, like=rows)


def global_avg_pool2d(x):
    """Mean over all pixels of each channel.

    y[n, c, 0, 0] = 1/(H·W) Σ_{i, j} x[n, c, i, j]

    Args:
        x: (N, C, H, W), floating point, NumPy or torch, in any memory layout, H·W ≥ 1.
    Returns:
        y: (N, C, 1, 1), batch innermost in memory, and a cache for `global_avg_pool2d_backward`.
    Raises:
        ShapeError: x has not four axes.
    Reference:
        Lin, Chen, Yan 2013, Network In Network, arXiv:1312.4400.

    >>> import numpy as np
    >>> global_avg_pool2d(np.arange(6.0).reshape(1, 1, 2, 3))[0]
    array([[[[2.5]]]])
    """
    xp = float_namespace(x)
    expect_axes(x, "x", "N, C, H, W")
    y = xp.mean(rows_of(x), axis=(0, 2), keepdims=True)
    return batch_last(from_rows(y)), tuple(x.shape)


def global_avg_pool2d_backward(dy, cache):
    """Gradient of `global_avg_pool2d`: every pixel gets dy / (H·W).

    Args:
        dy: (N, C, 1, 1).
        cache: from `global_avg_pool2d`.
    Returns:
        dx: (N, C, H, W), batch innermost in memory.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    n, c, h, w = cache
    xp = float_namespace(dy)
    expect_shape(dy, "dy", (n, c, 1, 1), like="the output")
    return from_rows(contiguous(xp.broadcast_to(rows_of(dy) / (h * w), (h, c, w, n))))
