"""Convolution and pooling by the definition: slow, short, and what the fast functions must equal.

The letters are the course's. Output pixel (i, j) looks at the image through a window of taps
(p, q). Tap (p, q) lies over pixel (r, s) = (i·SH + p − PH, j·SW + q − PW); where there is no such
pixel, there is padding. Each gradient walks the loop of its forward function once more: what y took
from a number goes back to that number.

Arguments, results and errors are those of the functions of the same names in
`convnets.functional`, except that arrays are NumPy's and only sizes are checked.
"""

from __future__ import annotations

import numpy as np

from convnets.functional.windows import expect_pixels
from convnets.shapes import output_shape, pair


def conv2d(x, w, b=None, stride=1, padding=0, groups=1):
    """y[n, f, i, j] = b[f] + Σ_{c, p, q} x[n, c, r, s] · w[f, c, p, q]; x is 0 in the padding.

    >>> conv2d(np.array([[[[0.0, 0.0, 5.0, 5.0]]]]), np.array([[[[-1.0, 1.0]]]]))[0]
    array([[[[0., 5., 0.]]]])
    """
    windows, size = _windows(x, w.shape[2:], stride, pair(padding, "padding", minimum=0))
    y = np.zeros((len(x), len(w), *size), x.dtype)
    for n, f, i, j in np.ndindex(y.shape):
        c = _channels(f, w, groups)
        y[n, f, i, j] = 0 if b is None else b[f]
        for p, q, r, s in windows[i, j]:
            y[n, f, i, j] += x[n, c, r, s] @ w[f, :, p, q]  # the sum over c
    return y, (x, w, b is not None, windows, groups)


def conv2d_backward(dy, cache):
    """dx[n, c, r, s] += dy[n, f, i, j] · w[f, c, p, q], and likewise dw and db."""
    x, w, has_bias, windows, groups = cache
    dx, dw, db = np.zeros(x.shape, x.dtype), np.zeros(w.shape, w.dtype), np.zeros(len(w), w.dtype)
    for n, f, i, j in np.ndindex(dy.shape):
        c = _channels(f, w, groups)
        db[f] += dy[n, f, i, j]
        for p, q, r, s in windows[i, j]:
            dx[n, c, r, s] += dy[n, f, i, j] * w[f, :, p, q]
            dw[f, :, p, q] += dy[n, f, i, j] * x[n, c, r, s]
    return dx, dw, db if has_bias else None


def max_pool2d(x, kernel_size, stride=None, padding=0):
    """y[n, c, i, j] = max over p, q of x[n, c, r, s]; padding is never the maximum.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0][0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    windows, size = _pooling_windows(x, kernel_size, stride, padding)
    y = np.zeros((*x.shape[:2], *size), x.dtype)
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = np.max([x[n, c, r, s] for _, _, r, s in windows[i, j]])
    return y, (x, windows)


def max_pool2d_backward(dy, cache):
    """dx[n, c, r, s] += dy[n, c, i, j] for the first tap, row by row, that is the maximum."""
    x, windows = cache
    dx = np.zeros(x.shape, x.dtype)
    for n, c, i, j in np.ndindex(dy.shape):
        first = np.argmax([x[n, c, r, s] for _, _, r, s in windows[i, j]])
        _, _, r, s = windows[i, j][first]
        dx[n, c, r, s] += dy[n, c, i, j]
    return dx


def avg_pool2d(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    """y[n, c, i, j] = 1/(KH·KW) Σ_{p, q} x[n, c, r, s]; x is 0 in the padding.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0][0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    windows, size = _pooling_windows(x, kernel_size, stride, padding)
    kh, kw = pair(kernel_size, "kernel_size")
    counts = {at: kh * kw if count_include_pad else len(taps) for at, taps in windows.items()}
    y = np.zeros((*x.shape[:2], *size), x.dtype)
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = sum(x[n, c, r, s] for _, _, r, s in windows[i, j]) / counts[i, j]
    return y, (x.shape, windows, counts)


def avg_pool2d_backward(dy, cache):
    """dx[n, c, r, s] += dy[n, c, i, j] / (KH·KW)."""
    shape, windows, counts = cache
    dx = np.zeros(shape, dy.dtype)
    for n, c, i, j in np.ndindex(dy.shape):
        for _, _, r, s in windows[i, j]:
            dx[n, c, r, s] += dy[n, c, i, j] / counts[i, j]
    return dx


def _windows(x, kernel, stride, padding):
    """{(i, j): [(p, q, r, s), ...]}, taps over padding left out, and the size (HO, WO)."""
    (kh, kw), (sh, sw), (ph, pw), (h, w) = kernel, pair(stride, "stride"), padding, x.shape[2:]
    size = output_shape((h, w), (kh, kw), (sh, sw), (ph, pw))
    windows = {}
    for i, j in np.ndindex(size):
        over = [(p, q, i * sh + p - ph, j * sw + q - pw) for p, q in np.ndindex(kh, kw)]
        windows[i, j] = [(p, q, r, s) for p, q, r, s in over if 0 <= r < h and 0 <= s < w]
    return windows, size


def _pooling_windows(x, kernel_size, stride, padding):
    kernel, padding = pair(kernel_size, "kernel_size"), pair(padding, "padding", minimum=0)
    expect_pixels(kernel, padding)
    return _windows(x, kernel, kernel if stride is None else stride, padding)


def _channels(f, w, groups):
    """The channels that kernel f sees: all of them, unless there are groups."""
    first = f // (len(w) // groups) * w.shape[1]
    return slice(first, first + w.shape[1])
