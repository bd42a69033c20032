"""Dense convolution of images that lie batch last, as matrix products over whole rows of pixels.

An image (H, C, W, N) read as a matrix holds one row of pixels in C consecutive lines of W·N
numbers. So the KH rows under a kernel already are a matrix (KH·C, W·N): the kernel's height needs
no copy. Nor does its width: the KW columns of the kernel are stacked into one product, whose KW
results are added up, each shifted by one pixel. Padding is hardly ever made: rows and pixels
outside the image are left out.

This beats im2col from about 10 channels on: the product is KW times as tall, so BLAS, which
rearranges its right-hand side before multiplying, rearranges KW times less for the same result,
and nothing is held but a block of products. For fewer channels the products are too flat, and
with a horizontal stride most of them would be thrown away; there the width is unrolled first.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from convnets.arrays import contiguous, is_torch, namespace, permuted

# Numbers in a block of products: few enough to stay in a core's cache until they are added up.
BLOCK = 2**18

# Up to this many input channels, unrolling the kernel's width costs less than it gains.
FEW_CHANNELS = 8


# Up to this many numbers in an image (and on a GPU, where a launch costs more than a copy), rows of
# zeros above and below cost less than products of their own for the rows at the borders.
SMALL = 2**16


class Span(NamedTuple):
    """For a tap of the kernel's width: the outputs whose input lies in the image, those inputs."""

    tap: int
    outputs: slice
    inputs: slice


class Rows(NamedTuple):
    """Outputs start..stop, under whose taps lo..hi lie image rows; `first` is that of start, lo."""

    start: int
    stop: int
    lo: int
    hi: int
    first: int


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
    # With a horizontal stride, most of the products of whole rows would be thrown away.
    if c <= FEW_CHANNELS or kw == 1 or stride[1] > 1:
        x = _unrolled(xp, x, kw, y.shape[2], stride[1], padding)
        kernel = permuted(w, (0, 2, 3, 1)).reshape(1, f, kh, kw * c)
        padding = (0, 0)
    else:
        kernel = permuted(w, (3, 0, 2, 1))
    spans = _spans(kernel.shape[0], x.shape[2], y.shape[2], 1, padding[1])
    _correlate(xp, x, kernel, spans, stride[0], padding[0], b, y)


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
    spans = _spans(w.shape[3], dx.shape[2], dy.shape[2], stride[1], padding[1])
    turned = tuple(Span(s.tap, outputs=s.inputs, inputs=s.outputs) for s in spans)
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
        kernel_size, stride, padding: (height, width), in pixels.
    """
    xp = namespace(x)
    (kh, kw), c = kernel_size, x.shape[1]
    ho, f, wo, _ = dy.shape
    unroll = c <= FEW_CHANNELS
    if unroll:
        x, padding = _unrolled(xp, x, kw, wo, stride[1], padding), (0, 0)
    h, lines, w, n = x.shape
    spans = _spans(1, w, wo, 1, 0) if unroll else _spans(kw, w, wo, stride[1], padding[1])
    dw = xp.zeros((len(spans), kh, lines, f), dtype=x.dtype, device=x.device)
    most = _rows_at_once(x, ho, kh * lines * f + (lines + f) * w * n)
    for rows in _rows(ho, h, kh, stride[0], padding[0], most):
        grad = dy[rows.start : rows.stop]
        for s in spans:
            columns = _windows(x, rows, stride[0], s.inputs)
            right = grad[:, :, s.outputs].reshape(grad.shape[0], f, columns.shape[2])
            # BLAS is faster with the taller factor on the left, if one is much taller.
            if 2 * columns.shape[1] >= f:
                total = xp.sum(columns @ permuted(right, (0, 2, 1)), axis=0)
            else:
                total = permuted(xp.sum(right @ permuted(columns, (0, 2, 1)), axis=0), (1, 0))
            dw[s.tap, rows.lo : rows.hi] += total.reshape(rows.hi - rows.lo, lines, f)
    if unroll:
        return contiguous(permuted(dw.reshape(kh, kw, c, f), (3, 2, 0, 1)))
    return contiguous(permuted(dw, (3, 2, 1, 0)))


def _correlate(xp, image, kernel, spans, step, above, bias, out):
    """Write the products of the kernel with the rows of the image, added up by `spans`, to `out`.

    Args:
        image: (H, C, W, N), contiguous.
        kernel: (KW, M, KH, C).
        spans: for each of KW, which columns of its product go to which columns of `out`.
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
    direct = spans == (Span(0, slice(0, w, 1), slice(0, w, 1)),) and out.shape[2] == w
    if not _on_cpu(image) or math.prod(image.shape) <= SMALL:
        below = (out.shape[0] - 1) * step + kh - above - image.shape[0]
        image, above = _with_rows(xp, image, max(0, above), max(0, below)), min(0, above)
    most = _rows_at_once(image, out.shape[0], kw * m * w * n)
    if not direct:
        scratch = xp.empty((most, kw * m, w * n), dtype=image.dtype, device=image.device)
    for rows in _rows(out.shape[0], image.shape[0], kh, step, above, most):
        block = out[rows.start : rows.stop]
        count = block.shape[0]
        parts = block.reshape(count, m, w * n) if direct else scratch[:count]
        taps = kernel[:, :, rows.lo : rows.hi].reshape(1, kw * m, (rows.hi - rows.lo) * c)
        xp.matmul(taps, _windows(image, rows, step, slice(0, w, 1)), out=parts)
        if not direct:
            _add_up(xp, parts.reshape(count, kw, m, w, n), spans, bias, block)
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


def _add_up(xp, parts, spans, bias, out):
    """out = bias + Σ over the taps of their parts, each put in its columns."""
    bias = 0 if bias is None else bias
    first, *others = spans
    if first.outputs == slice(0, out.shape[2], 1):
        xp.add(parts[:, first.tap, :, first.inputs], bias, out=out)
    else:
        out[...] = bias
        others = spans
    for s in others:
        out[:, :, s.outputs] += parts[:, s.tap, :, s.inputs]


def _unrolled(xp, x, kw, wo, stride, padding):
    """Padded, and with the kernel's width unrolled into channels: (H + 2·PH, KW·C, WO, N)."""
    if kw == 1 and stride == 1 and padding == (0, 0):
        return x
    h, c, w, n = x.shape
    above, before = padding
    wide = xp.zeros((h + 2 * above, kw, c, wo, n), dtype=x.dtype, device=x.device)
    inside = wide[above : above + h]
    for s in _spans(kw, w, wo, stride, before):
        inside[:, s.tap, :, s.outputs] = x[:, :, s.inputs]
    return wide.reshape(h + 2 * above, kw * c, wo, n)


def _windows(x, rows, step, columns):
    """View the rows under each output row as a matrix: (R, taps·C, columns·N), overlapping.

    Columns that are not neighbours are first copied together.
    """
    count, taps = rows.stop - rows.start, rows.hi - rows.lo
    if columns.step > 1:
        x = contiguous(x[rows.first : rows.first + (count - 1) * step + taps, :, columns])
        rows, columns = rows._replace(first=0), slice(0, x.shape[2], 1)
    _, c, w, n = x.shape
    shape = (count, taps * c, (columns.stop - columns.start) * n)
    strides = (step * c * w * n, w * n, 1)
    offset = (rows.first * c * w + columns.start) * n
    if is_torch(x):
        return x.as_strided(shape, strides, x.storage_offset() + offset)
    # Unlike as_strided, this checks that the view stays inside the array.
    size = x.itemsize
    return np.ndarray(shape, x.dtype, x, offset * size, [s * size for s in strides])


def _rows_at_once(image, count, numbers):
    """How many of `count` rows make a block, `numbers` being used for each; all on a GPU."""
    return min(count, max(1, BLOCK // max(1, numbers))) if _on_cpu(image) else count


def _on_cpu(image):
    return str(image.device) == "cpu"


@lru_cache
def _rows(count, size, taps, step, above, most) -> tuple[Rows, ...]:
    """Blocks of at most `most` output rows that see the same taps in an image of `size` rows."""

    def reach(i):
        top = i * step - above
        lo = min(max(0, -top), taps)
        return lo, max(lo, min(taps, size - top))

    blocks = []
    for (lo, hi), alike in groupby(range(count), reach):
        alike = list(alike)
        for start in alike[::most]:
            first = start * step - above + lo if lo < hi else 0
            blocks.append(Rows(start, min(start + most, alike[-1] + 1), lo, hi, first))
    return tuple(blocks)


@lru_cache
def _spans(kw, size, count, stride, before) -> tuple[Span, ...]:
    """One Span for each tap of the kernel's width, the widest first."""
    spans = []
    for tap in range(kw):
        offset = tap - before
        start = max(0, -(offset // stride))
        stop = min(count, (size - 1 - offset) // stride + 1)
        begin, end = start * stride + offset, (stop - 1) * stride + offset + 1
        seen = stop > start
        outputs = slice(start, stop, 1) if seen else slice(0, 0, 1)
        spans.append(Span(tap, outputs, slice(begin, end, stride) if seen else slice(0, 0, 1)))
    return tuple(sorted(spans, key=lambda s: s.outputs.start - s.outputs.stop))
