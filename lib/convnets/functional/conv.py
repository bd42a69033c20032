"""Convolution in the sense of deep learning (cross-correlation), forward and backward."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from convnets.arrays import batch_last, contiguous, float_namespace, from_rows, rows_of
from convnets.functional import conv_depthwise, conv_rows, conv_unrolled
from convnets.shapes import ShapeError, expect_axes, expect_shape, output_shape, pair

# Measured with OpenBLAS's kernels for AVX2 and AVX-512: up to this many channels, the kernel's
# width is unrolled; for the gradient of the weights, up to this many multiply-adds for a tap of the
# width and a row of the output.
MOST_UNROLLED = 32
SMALL_ROW = 2**20


class Geometry(NamedTuple):
    """What a convolution's arguments say, checked."""

    output: tuple[int, int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int


def conv2d(x, w, b=None, stride=1, padding=0, groups=1):
    """Convolution of images with a bank of kernels, which are not flipped (cross-correlation).

    y[n, f, i, j] = b[f] + Σ_{c, p, q} x[n, c, i·SH + p − PH, j·SW + q − PW] · w[f, c, p, q]

    with x zero outside the image. With `groups` = G, channels and kernels are split into G equal
    parts that do not see each other; G = C is a depthwise convolution. The formula as loops, to be
    read: `convnets.functional.plain.conv2d`.

    Args:
        x: (N, C, H, W), floating point, NumPy or torch, in any memory layout; fastest with the
            batch innermost (`convnets.arrays.batch_last`), as all layers return it.
        w: (F, C/G, KH, KW), of the namespace and dtype of x.
        b: (F,), or None.
        stride: int or (SH, SW) >= 1, in pixels.
        padding: int or (PH, PW) >= 0, zeros added at each end, in pixels.
        groups: int >= 1 that divides C and F.
    Returns:
        y: (N, F, HO, WO) with HO = floor((H + 2·PH − KH) / SH) + 1 and WO alike, batch innermost
        in memory; and a cache for `conv2d_backward`.
    Raises:
        ShapeError: the shapes do not fit together, or the kernel is larger than the padded image.
        TypeError: dtypes or namespaces are mixed, or the numbers are not floating-point ones.
    Reference:
        LeCun, Bottou, Bengio, Haffner 1998, Gradient-based learning applied to document
        recognition, Proceedings of the IEEE 86(11), doi:10.1109/5.726791;
        Chellapilla, Puri, Simard 2006, High Performance Convolutional Neural Networks for Document
        Processing (convolution as a matrix product).

    >>> import numpy as np
    >>> edge = np.array([[[[-1.0, 1.0]]]])
    >>> conv2d(np.array([[[[0.0, 0.0, 5.0, 5.0]]]]), edge)[0]
    array([[[[0., 5., 0.]]]])
    """
    xp = float_namespace(x, w, b)
    geometry = _check(x, w, b, stride, padding, groups)
    rows = rows_of(batch_last(x))
    n, f, ho, wo = geometry.output
    y = xp.empty((ho, f, wo, n), dtype=x.dtype, device=x.device)
    _, stride, padding, groups = geometry
    if _is_depthwise(w, groups):
        conv_depthwise.forward(rows, w, b, stride, padding, y)
    else:
        for ins, outs in _groups(w, groups):
            bias = None if b is None else b[outs]
            dense = conv_unrolled if _few_channels(w, stride) else conv_rows
            dense.forward(contiguous(rows[:, ins]), w[outs], bias, stride, padding, y[:, outs])
    return from_rows(y), (rows, w, b is not None, geometry)


def conv2d_backward(dy, cache, *, input_gradient=True):
    """Gradients of `conv2d`.

    db[f] = Σ_{n, i, j} dy[n, f, i, j]
    dw[f, c, p, q] = Σ_{n, i, j} dy[n, f, i, j] · x[n, c, i·SH + p − PH, j·SW + q − PW]
    dx[n, c, i·SH + p − PH, j·SW + q − PW] += dy[n, f, i, j] · w[f, c, p, q] for all f, p, q, i, j

    As loops: `convnets.functional.plain.conv2d_backward`.

    Args:
        dy: (N, F, HO, WO), gradient of the loss with respect to y.
        cache: from `conv2d`.
        input_gradient: False where dx is not needed, as in the first layer of a network.
    Returns:
        dx (N, C, H, W), batch innermost in memory, or None without `input_gradient`;
        dw (F, C/G, KH, KW); db (F,), or None where the convolution has no bias.
    Raises:
        ShapeError: dy has not the shape of y.
        TypeError: dy has another dtype or namespace than x.
    """
    rows, w, has_bias, (output, stride, padding, groups) = cache
    xp = float_namespace(dy, rows, w)
    expect_shape(dy, "dy", output, like="the output")
    drows = rows_of(batch_last(dy))
    db = xp.sum(drows, axis=(0, 2, 3)) if has_bias else None
    if _is_depthwise(w, groups):
        dx, dw = conv_depthwise.backward(rows, drows, w, stride, padding)
        return from_rows(dx) if input_gradient else None, dw, db
    dw = xp.empty(w.shape, dtype=dy.dtype, device=dy.device)
    dx = xp.empty(rows.shape, dtype=dy.dtype, device=dy.device) if input_gradient else None
    for ins, outs in _groups(w, groups):
        x_part, dy_part = contiguous(rows[:, ins]), contiguous(drows[:, outs])
        dense = conv_unrolled if _small_rows(dy_part, w, stride) else conv_rows
        dw[outs] = dense.grad_weight(x_part, dy_part, w.shape[2:], stride, padding)
        if input_gradient:
            conv_rows.grad_input(dy_part, w[outs], stride, padding, dx[:, ins])
    return from_rows(dx) if input_gradient else None, dw, db


def _few_channels(w, stride):
    """Whether the copies that unrolling makes cost less than the taller products without them.

    With a horizontal stride, most of those products would be thrown away.
    """
    return w.shape[1] <= MOST_UNROLLED or w.shape[3] == 1 or stride[1] > 1


def _small_rows(drows, w, stride):
    """The same for the gradient of the weights, whose products without unrolling are no taller.

    But they are KW times as many, which counts where a row takes few multiply-adds.
    """
    (_, f, wo, n), (_, c, kh, kw) = drows.shape, w.shape
    return kh * c * f * wo * n <= SMALL_ROW or kw == 1 or stride[1] > 1


def _is_depthwise(w, groups):
    return groups > 1 and w.shape[1] == 1


def _groups(w, groups):
    """The channels of x and the kernels that belong to each group."""
    kernels, channels = w.shape[0] // groups, w.shape[1]
    for g in range(groups):
        yield slice(g * channels, (g + 1) * channels), slice(g * kernels, (g + 1) * kernels)


def _check(x, w, b, stride, padding, groups) -> Geometry:
    expect_axes(x, "x", "N, C, H, W")
    expect_axes(w, "w", "F, C/groups, KH, KW")
    stride, padding = pair(stride, "stride"), pair(padding, "padding", minimum=0)
    c, f = x.shape[1], w.shape[0]
    if groups not in range(1, c + 1) or c % groups or f % groups:
        raise ShapeError(
            f"groups must be a whole number that divides C and F, but groups is {groups!r}, "
            f"C is {c} and F is {f}: {_shapes(x, w)}."
        )
    if w.shape[1] * groups != c:
        raise ShapeError(
            f"x has {c} channels but w expects {w.shape[1] * groups} "
            f"({w.shape[1]} in each of {groups} groups): {_shapes(x, w)}. Try w of shape "
            f"{(f, c // groups, *w.shape[2:])}; weights are output first, images channels first."
        )
    if b is not None:
        expect_shape(b, "b", (f,), like=f"w's {f} kernels")
    try:
        size = _output_shape(tuple(x.shape[2:]), tuple(w.shape[2:]), stride, padding)
    except ShapeError as error:
        raise ShapeError(f"{error} Here {_shapes(x, w)}, padding is {padding}.") from None
    return Geometry((x.shape[0], f, *size), stride, padding, groups)


_output_shape = lru_cache(output_shape)  # mini-batches have the same shape again and again


def _shapes(x, w) -> str:
    return f"x is {tuple(x.shape)} (N, C, H, W), w is {tuple(w.shape)} (F, C/groups, KH, KW)"
