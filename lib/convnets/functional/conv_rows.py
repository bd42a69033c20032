"""Dense convolution of images that lie batch last, as matrix products over whole rows of pixels.

An image (H, C, W, N) read as a matrix holds one row of pixels in C consecutive lines of W·N
numbers. So the KH rows under a kernel already are a matrix (KH·C, W·N): the kernel's height needs
no copy. Nor does its width: the KW columns of the kernel are stacked into one product, whose KW
results are added up, each shifted by one pixel. Padding is hardly ever made: rows and pixels
outside the image are left out.

This beats im2col where there are many channels: the product is KW times as tall, so BLAS, which
rearranges its right-hand side before multiplying, rearranges KW times less for the same result.
For few channels the products are too flat, and with a horizontal stride most of them would be
thrown away; `conv_unrolled` is for these.
"""

from __future__ import annotations

import math

from convnets.arrays import contiguous, namespace, permuted
from convnets.functional.conv_blocks import (
    Span,
    on_cpu,
    rows_at_once,
    rows_of_blocks,
    spans,
    windows,
)
from convnets.functional.conv_products import multiply, sum_of_products

# Up to this many numbers in an image (and on a GPU, where a launch costs more than a copy), rows of
# zeros above and below cost less than products of their own for the rows at the borders.
SMALL = 2**16


def forward(x, w, b, stride, padding, y):
    """Write the convolution of `x` with `w`, plus `b`, into `y`.

    Args:
        x: (H, C, W, N), contiguous.
        w: (F, C, KH, KW).
        b: (F,), or None.
        stride, padding: (height, width), in pixels; the width's stride is 1.
        y: (HO, F, WO, N), lines of WO·N numbers contiguous; overwritten.
    """
    taps = spans(w.shape[3], x.shape[2], y.shape[2], stride[1], padding[1])
    kernel = permuted(w, (3, 0, 2, 1))
    _correlate(namespace(x), x, kernel, taps, stride[0], padding[0], b, y)


def grad_input(dy, w, stride, padding, dx):
    """Write the gradient of the input into `dx`.

    An image row sees every SH-th row of the kernel, upside down, over consecutive rows of dy: a
    convolution again, one for each remainder of the image row by the stride.

    Args:
        dy: (HO, F, WO, N), contiguous.
        w: (F, C, KH, KW).
        stride, padding: (height, width), in pixels.
        dx: (H, C, W, N), lines of W·N numbers contiguous; overwritten.
    """
    xp = namespace(dy)
    taps = spans(w.shape[3], dx.shape[2], dy.shape[2], stride[1], padding[1])
    turned = tuple(Span(s.tap, outputs=s.inputs, inputs=s.outputs) for s in taps)
    for phase in range(stride[0]):
        top = (phase - padding[0]) % stride[0]
        kernel = permuted(xp.flip(w[:, :, phase :: stride[0]], axis=2), (3, 1, 2, 0))
        above = kernel.shape[2] - 1 - (top + padding[0] - phase) // stride[0]
        _correlate(xp, dy, kernel, turned, 1, above, None, dx[top :: stride[0]])


def grad_weight(x, dy, kernel_size, stride, padding):
    """Gradient of the weights, (F, C, KH, KW), contiguous.

    Args:
        x: (H, C, W, N), contiguous.
        dy: (HO, F, WO, N), lines of WO·N numbers contiguous.
        kernel_size, stride, padding: (height, width), in pixels; the width's stride is 1.
    """
    xp = namespace(x)
    (kh, kw), (h, c, w, n), (ho, f, wo, _) = kernel_size, x.shape, dy.shape
    taps = spans(kw, w, wo, stride[1], padding[1])
    dw = xp.zeros((kw, kh, c, f), dtype=x.dtype, device=x.device)
    most = rows_at_once(x, ho, kh * c * f + (c + f) * w * n)
    for rows in rows_of_blocks(ho, h, kh, stride[0], padding[0], most):
        grad = dy[rows.start : rows.stop]
        for s in taps:
            columns = windows(x, rows, stride[0], s.inputs)
            right = grad[:, :, s.outputs].reshape(grad.shape[0], f, columns.shape[2])
            total = sum_of_products(xp, columns, right)
            dw[s.tap, rows.lo : rows.hi] += total.reshape(rows.hi - rows.lo, c, f)
    return contiguous(permuted(dw, (3, 2, 1, 0)))


def _correlate(xp, image, kernel, taps, step, above, bias, out):
    """Write the products of the kernel with the rows of the image, added up by `taps`, to `out`.

    Args:
        image: (H, C, W, N), contiguous.
        kernel: (KW, M, KH, C).
        taps: for each of KW, which columns of its product go to which columns of `out`.
        step: image rows from one output row to the next.
        above: rows of padding above the image; negative where the first rows are not seen.
        bias: (M,), or None.
        out: (HO, M, WO, N), lines of WO·N numbers contiguous.
    """
    kernel = contiguous(kernel)
    kw, m, kh, c = kernel.shape
    w, n = image.shape[2:]
    bias = None if bias is None else bias[:, None, None]
    # A single product that fills the output needs no adding up.
    direct = taps == (Span(0, slice(0, w, 1), slice(0, w, 1)),) and out.shape[2] == w
    if not on_cpu(image) or math.prod(image.shape) <= SMALL:
        below = (out.shape[0] - 1) * step + kh - above - image.shape[0]
        image, above = _with_rows(xp, image, max(0, above), max(0, below)), min(0, above)
    most = rows_at_once(image, out.shape[0], kw * m * w * n)
    if not direct:
        scratch = xp.empty((most, kw * m, w * n), dtype=image.dtype, device=image.device)
    for rows in rows_of_blocks(out.shape[0], image.shape[0], kh, step, above, most):
        block = out[rows.start : rows.stop]
        count = block.shape[0]
        parts = block.reshape(count, m, w * n) if direct else scratch[:count]
        left = kernel[:, :, rows.lo : rows.hi].reshape(1, kw * m, (rows.hi - rows.lo) * c)
        multiply(xp, left, windows(image, rows, step, slice(0, w, 1)), parts)
        if not direct:
            _add_up(xp, parts.reshape(count, kw, m, w, n), taps, bias, block)
        elif bias is not None:
            block += bias


def _with_rows(xp, image, above, below):
    """The image with rows of zeros added above and below."""
    if above == below == 0:
        return image
    h = image.shape[0]
    padded = xp.zeros((above + h + below, *image.shape[1:]), dtype=image.dtype, device=image.device)
    padded[above : above + h] = image
    return padded


def _add_up(xp, parts, taps, bias, out):
    """out = bias + Σ over the taps of their parts, each put in its columns."""
    bias = 0 if bias is None else bias
    first, *others = taps
    if first.outputs == slice(0, out.shape[2], 1):
        xp.add(parts[:, first.tap, :, first.inputs], bias, out=out)
    else:
        out[...] = bias
        others = taps
    for s in others:
        out[:, :, s.outputs] += parts[:, s.tap, :, s.inputs]
