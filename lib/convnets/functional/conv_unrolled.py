"""Dense convolution of images that lie batch last, the width of the kernel unrolled.

The KW pixels under a row of the kernel are copied below one another, as KW·C channels. KH rows of
these are, without another copy, the matrix whose product with the kernel is a row of the output
(im2col). This is done for a block of rows at a time, in a buffer that is used again and again.
"""

from __future__ import annotations

from convnets.arrays import contiguous, namespace, permuted
from convnets.functional.conv_blocks import (
    Rows,
    rows_at_once,
    spans,
    windows,
)
from convnets.functional.conv_products import multiply, sum_of_products


def forward(x, w, b, stride, padding, y):
    """Write the convolution of `x` with `w`, plus `b`, into `y`.

    Args:
        x: (H, C, W, N), contiguous.
        w: (F, C, KH, KW).
        b: (F,), or None.
        stride, padding: (height, width), in pixels.
        y: (HO, F, WO, N), lines of WO·N numbers contiguous; overwritten.
    """
    xp = namespace(x)
    f, c, kh, kw = w.shape
    ho, _, wo, n = y.shape
    kernel = contiguous(permuted(w, (0, 2, 3, 1))).reshape(1, f, kh * kw * c)
    bias = None if b is None else b[:, None, None]
    for rows, columns in _columns(xp, x, (kh, kw), (ho, wo), stride, padding, f * wo * n):
        block = y[rows]
        multiply(xp, kernel, columns, block.reshape(block.shape[0], f, wo * n))
        if bias is not None:
            block += bias


def grad_weight(x, dy, kernel_size, stride, padding):
    """Gradient of the weights, (F, C, KH, KW), contiguous.

    Args:
        x: (H, C, W, N), contiguous.
        dy: (HO, F, WO, N), lines of WO·N numbers contiguous.
        kernel_size, stride, padding: (height, width), in pixels.
    """
    xp = namespace(x)
    (kh, kw), c = kernel_size, x.shape[1]
    ho, f, wo, n = dy.shape
    lines = kh * kw * c
    dw = xp.zeros((lines, f), dtype=x.dtype, device=x.device)
    numbers = lines * f + f * wo * n
    for rows, columns in _columns(xp, x, kernel_size, (ho, wo), stride, padding, numbers):
        grad = dy[rows]
        dw += sum_of_products(xp, columns, grad.reshape(grad.shape[0], f, wo * n))
    return contiguous(permuted(dw.reshape(kh, kw, c, f), (3, 2, 0, 1)))


def _columns(xp, x, kernel_size, size, stride, padding, numbers):
    """Yield blocks of output rows, and what they see as matrices (R, KH·KW·C, WO·N).

    The matrices overlap and lie in a buffer that the next block overwrites.

    Args:
        x: (H, C, W, N), contiguous.
        kernel_size, stride, padding: (height, width), in pixels.
        size: (HO, WO).
        numbers: made for each output row besides the buffer.
    """
    (kh, kw), (ho, wo), (_, c, w, n) = kernel_size, size, x.shape
    step = stride[0]
    most = rows_at_once(x, ho, numbers + step * kw * c * wo * n)
    as_it_is = kw == 1 and stride[1] == 1 and padding == (0, 0)
    if not as_it_is:
        taps = spans(kw, w, wo, stride[1], padding[1])
        deep = (most - 1) * step + kh
        buffer = xp.zeros((deep, kw, c, wo, n), dtype=x.dtype, device=x.device)
    for start in range(0, ho, most):
        stop = min(start + most, ho)
        if as_it_is:
            lines, first = x, start * step
        else:
            _unroll(x, start * step - padding[0], taps, buffer[: (stop - start - 1) * step + kh])
            lines, first = buffer.reshape(buffer.shape[0], kw * c, wo, n), 0
        yield (
            slice(start, stop),
            windows(lines, Rows(start, stop, 0, kh, first), step, slice(0, wo, 1)),
        )


def _unroll(x, top, taps, out):
    """Write the rows of the image from `top` on into `out`; rows outside the image are zero.

    Args:
        x: (H, C, W, N).
        top: number of a row, negative above the image.
        taps: their Spans.
        out: (rows, KW, C, WO, N), zero where a tap lies left or right of the image.
    """
    first = max(0, top)
    last = max(first, min(x.shape[0], top + out.shape[0]))
    inside = out[first - top : last - top]
    out[: first - top] = 0
    out[last - top :] = 0
    for s in taps:
        inside[:, s.tap, :, s.outputs] = x[first:last, :, s.inputs]
