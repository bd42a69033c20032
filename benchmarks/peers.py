"""What the library is compared with, beside PyTorch: convolution as NumPy textbooks write it.

im2col in NCHW with both sides of the kernel unrolled: windows as a strided view, one copy into a
matrix (C·KH·KW, N·HO·WO), one product. This is written here from the textbook description; it
stands for such code in general, and no particular course's or package's code was run.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv2d(x, w, b, stride, padding):
    """Forward; the cache holds the unrolled image, as the textbooks do."""
    f, c, kh, kw = w.shape
    edges = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edges, edges))
    windows = sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    n, _, ho, wo = windows.shape[:4]
    columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(c * kh * kw, n * ho * wo)
    y = w.reshape(f, -1) @ columns + b[:, None]
    y = np.ascontiguousarray(y.reshape(f, n, ho, wo).transpose(1, 0, 2, 3))
    return y, (columns, x.shape, w, stride, padding)


def conv2d_backward(dy, cache):
    """Gradients of x, w and b."""
    columns, shape, w, stride, padding = cache
    f, c, kh, kw = w.shape
    n, _, ho, wo = dy.shape
    grad = dy.transpose(1, 0, 2, 3).reshape(f, -1)
    dw = (grad @ columns.T).reshape(w.shape)
    dcolumns = (w.reshape(f, -1).T @ grad).reshape(c, kh, kw, n, ho, wo)
    height, width = shape[2] + 2 * padding, shape[3] + 2 * padding
    padded = np.zeros((n, c, height, width), dtype=dy.dtype)
    for p in range(kh):
        for q in range(kw):
            rows, cols = (slice(t, t + stride * s, stride) for t, s in ((p, ho), (q, wo)))
            padded[:, :, rows, cols] += dcolumns[:, p, q].transpose(1, 0, 2, 3)
    inside = padded[:, :, padding : height - padding, padding : width - padding]
    return inside, dw, grad.sum(axis=1)
