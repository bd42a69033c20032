"""Depthwise convolution of images that lie batch last: each kernel sees one channel.

With nothing to sum over channels a matrix product has no work to do; each tap of the kernel is one
multiplication and addition of all pixels with all channels instead.
"""

from __future__ import annotations

from convnets.arrays import contiguous, namespace, permuted
from convnets.functional.windows import Windows


def forward(x, w, b, stride, padding, y):
    """Write the depthwise convolution of `x` with `w`, plus `b`, into `y`.

    Args:
        x: (H, C, W, N).
        w: (C·M, 1, KH, KW), kernels c·M to c·M + M − 1 for channel c.
        b: (C·M,), or None.
        stride, padding: (height, width), in pixels.
        y: (HO, C·M, WO, N), overwritten.
    """
    taps = _taps(w)
    multiplier = w.shape[0] // x.shape[1]
    windows = _windows(x, y, w, stride, padding)
    for m in range(multiplier):
        which = slice(m, None, multiplier)
        for rows in windows.blocks(x.device):
            block = y[rows, which]
            block[...] = 0 if b is None else b[which, None, None]
            for tap, outputs, inputs in windows.taps(rows):
                block[outputs] += x[inputs] * taps[tap, which]


def backward(x, dy, w, stride, padding):
    """Gradients of the input, (H, C, W, N), and of the weights, (C·M, 1, KH, KW).

    Args:
        x: (H, C, W, N).
        dy: (HO, C·M, WO, N).
        w: (C·M, 1, KH, KW).
        stride, padding: (height, width), in pixels.
    """
    xp = namespace(x)
    taps = _taps(w)
    dtaps = xp.zeros(taps.shape, dtype=x.dtype, device=x.device)
    dx = xp.zeros(x.shape, dtype=x.dtype, device=x.device)
    multiplier = w.shape[0] // x.shape[1]
    windows = _windows(x, dy, w, stride, padding)
    for m in range(multiplier):
        which = slice(m, None, multiplier)
        for rows in windows.blocks(x.device):
            block = dy[rows, which]
            for tap, outputs, inputs in windows.taps(rows):
                dx[inputs] += block[outputs] * taps[tap, which]
                dtaps[tap, which] += _dot(xp, block[outputs], x[inputs])
    return dx, contiguous(permuted(dtaps[:, :, 0, 0], (1, 0)).reshape(w.shape))


def _taps(w):
    """(KH·KW, F, 1, 1): the weights of one tap after the other."""
    return permuted(w.reshape(w.shape[0], -1), (1, 0))[:, :, None, None]


def _windows(x, y, w, stride, padding):
    (h, c, wide, n), (ho, _, wo, _) = x.shape, y.shape
    return Windows((n, c, h, wide), (n, c, ho, wo), tuple(w.shape[2:]), stride, padding)


def _dot(xp, a, b):
    """Sum of the product over rows, columns and batch: (H, C, W, N) twice -> (C, 1, 1)."""
    h, c, w, n = a.shape
    left, right = a.reshape(h, c, 1, w * n), b.reshape(h, c, w * n, 1)
    return xp.sum(left @ right, axis=0)
