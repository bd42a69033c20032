"""Locally connected layer: a convolution whose weights are not shared between places."""

from __future__ import annotations

from convnets.arrays import contiguous, float_namespace, from_rows, permuted, rows_of
from convnets.functional.windows import Windows
from convnets.shapes import ShapeError, expect_axes, expect_shape, output_shape, pair


def locally_connected2d(x, w, b=None, stride=1, padding=0):
    """Like a convolution, but every output place has weights of its own.

    y[n, f, i, j] = b[f, i, j]
        + Σ_{c, p, q} x[n, c, i·SH + p − PH, j·SW + q − PW] · w[i, j, f, c, p, q]

    Args:
        x: (N, C, H, W), floating point, NumPy or torch, in any memory layout.
        w: (HO, WO, F, C, KH, KW), of the namespace and dtype of x.
        b: (F, HO, WO), or None.
        stride: int or (SH, SW) >= 1, in pixels.
        padding: int or (PH, PW) >= 0, zeros added at each end, in pixels.
    Returns:
        y: (N, F, HO, WO) with HO = floor((H + 2·PH − KH) / SH) + 1 and WO alike, batch innermost
        in memory; and a cache for `locally_connected2d_backward`.
    Raises:
        ShapeError: the shapes do not fit together, or the kernel is larger than the padded image.
        TypeError: dtypes or namespaces are mixed, or the numbers are not floating-point ones.
    Reference:
        Taigman, Yang, Ranzato, Wolf 2014, DeepFace: Closing the Gap to Human-Level Performance in
        Face Verification, CVPR, doi:10.1109/CVPR.2014.220.

    >>> import numpy as np
    >>> w = np.array([1.0, 10.0, 100.0]).reshape(1, 3, 1, 1, 1, 1)
    >>> locally_connected2d(np.array([[[[1.0, 2.0, 3.0]]]]), w)[0]
    array([[[[  1.,  20., 300.]]]])
    """
    xp = float_namespace(x, w, b)
    windows = _check(x, w, b, stride, padding)
    n, f, ho, wo = (x.shape[0], w.shape[2], *w.shape[:2])
    columns = _columns(xp, x, windows)
    y = xp.reshape(w, (ho, wo, f, -1)) @ columns
    if b is not None:
        y = y + permuted(b, (1, 2, 0))[..., None]
    rows = contiguous(permuted(y, (0, 2, 1, 3)))
    return from_rows(rows), (x, w, b is not None, windows, (n, f, ho, wo))


def locally_connected2d_backward(dy, cache):
    """Gradients of `locally_connected2d`.

    db = Σ_n dy[n],  dw[i, j, f, c, p, q] = Σ_n dy[n, f, i, j] · x[n, c, i·SH + p − PH, …], and dx
    sums dy[n, f, i, j] · w[i, j, f, c, p, q] over all windows that hold the pixel.

    Args:
        dy: (N, F, HO, WO), gradient of the loss with respect to y.
        cache: from `locally_connected2d`.
    Returns:
        dx (N, C, H, W), batch innermost in memory; dw (HO, WO, F, C, KH, KW); db (F, HO, WO), or
        None where the layer has no bias.
    Raises:
        ShapeError: dy has not the shape of y.
        TypeError: dy has another dtype or namespace than x.
    """
    x, w, has_bias, windows, output = cache
    xp = float_namespace(dy, x, w)
    expect_shape(dy, "dy", output, like="the output")
    grad = contiguous(permuted(dy, (2, 3, 1, 0)))
    dw = xp.reshape(grad @ permuted(_columns(xp, x, windows), (0, 1, 3, 2)), w.shape)
    lines = permuted(xp.reshape(w, (*grad.shape[:3], -1)), (0, 1, 3, 2)) @ grad
    dx = _add_columns(xp, lines, windows)
    return from_rows(dx), dw, xp.sum(dy, axis=0) if has_bias else None


def _columns(xp, x, windows):
    """The pixels under each window: (HO, WO, C·KH·KW, N), zero where they are padding."""
    ho, c, wo, n = windows.output_rows
    taps = windows.kernel[0] * windows.kernel[1]
    columns = xp.zeros((ho, wo, c, taps, n), dtype=x.dtype, device=x.device)
    rows = rows_of(x)
    for tap, outputs, inputs in windows.taps(slice(0, ho)):
        permuted(columns[..., tap, :], (0, 2, 1, 3))[outputs] = rows[inputs]
    return xp.reshape(columns, (ho, wo, c * taps, n))


def _add_columns(xp, columns, windows):
    """Gradients (HO, WO, C·KH·KW, N) of all windows' pixels added up per pixel: (H, C, W, N)."""
    ho, c, wo, n = windows.output_rows
    taps = windows.kernel[0] * windows.kernel[1]
    columns = xp.reshape(columns, (ho, wo, c, taps, n))
    image = xp.zeros(windows.image_rows, dtype=columns.dtype, device=columns.device)
    for tap, outputs, inputs in windows.taps(slice(0, ho)):
        image[inputs] += permuted(columns[..., tap, :], (0, 2, 1, 3))[outputs]
    return image


def _check(x, w, b, stride, padding) -> Windows:
    expect_axes(x, "x", "N, C, H, W")
    expect_axes(w, "w", "HO, WO, F, C, KH, KW")
    stride, padding = pair(stride, "stride"), pair(padding, "padding", minimum=0)
    (n, c, *image), (ho, wo, f, channels, *kernel) = x.shape, w.shape
    given = f"x is {tuple(x.shape)} (N, C, H, W), w is {tuple(w.shape)} (HO, WO, F, C, KH, KW)"
    if channels != c:
        raise ShapeError(f"x has {c} channels but w expects {channels}: {given}.")
    try:
        size = output_shape(image, kernel, stride, padding)
    except ShapeError as error:
        raise ShapeError(f"{error} Here {given}, padding is {padding}.") from None
    if size != (ho, wo):
        raise ShapeError(
            f"the output has {size[0]} × {size[1]} places but w holds weights for {ho} × {wo}: "
            f"{given}, stride is {stride}, padding is {padding}. "
            f"Try w of shape {(*size, *w.shape[2:])}."
        )
    if b is not None:
        expect_shape(b, "b", (f, ho, wo), like="one number for each place of the output")
    return Windows((n, c, *image), (n, c, *size), tuple(kernel), stride, padding)
