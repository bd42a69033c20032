"""Linear (fully connected) layer, and flattening of images into vectors."""

from __future__ import annotations

from convnets.arrays import contiguous, float_namespace, namespace, permuted
from convnets.shapes import ShapeError, expect_axes, expect_shape


def linear(x, w, b=None):
    """Affine map of each row.

    y[n, m] = Σ_d x[n, d] · w[m, d] + b[m]

    Args:
        x: (N, D), floating point, NumPy or torch.
        w: (M, D), one row of weights for each output.
        b: (M,), or None.
    Returns:
        y: (N, M), and a cache for `linear_backward`.
    Raises:
        ShapeError: the shapes do not fit together.

    >>> import numpy as np
    >>> y, _ = linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    >>> y
    array([[11., 17.]])
    """
    float_namespace(x, w, b)
    expect_axes(x, "x", "N, D")
    expect_axes(w, "w", "M, D")
    if x.shape[1] != w.shape[1]:
        raise ShapeError(
            f"x has {x.shape[1]} features but w expects {w.shape[1]}: "
            f"x is {tuple(x.shape)} (N, D), w is {tuple(w.shape)} (M, D). "
            "Weights are output first; flatten images with flatten(x)."
        )
    y = x @ w.T
    if b is not None:
        expect_shape(b, "b", w.shape[:1], like="the rows of w")
        y = y + b
    return y, (x, w, b is not None)


def linear_backward(dy, cache, *, input_gradient=True):
    """Gradients of `linear`.

    dx = dy · w,  dw = dyᵀ · x,  db = Σ_n dy[n]

    Args:
        dy: (N, M), gradient of the loss with respect to y.
        cache: from `linear`.
        input_gradient: False where dx is not needed, as in the first layer of a network.
    Returns:
        dx (N, D), or None without `input_gradient`; dw (M, D); db (M,), or None where the layer has
        no bias.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    x, w, has_bias = cache
    xp = float_namespace(dy, x, w)
    expect_shape(dy, "dy", (x.shape[0], w.shape[0]), like="the output")
    dx = dy @ w if input_gradient else None
    return dx, dy.T @ x, xp.sum(dy, axis=0) if has_bias else None


def flatten(x):
    """Each image as one vector, in the order channel, row, column.

    y[n, (c·H + i)·W + j] = x[n, c, i, j]

    Args:
        x: (N, C, H, W), any dtype, NumPy or torch.
    Returns:
        y: (N, C·H·W), and a cache for `flatten_backward`. Where memory has the batch innermost,
        y keeps it so, which spares a slow transposing copy.

    >>> import numpy as np
    >>> flatten(np.zeros((2, 3, 4, 5)))[0].shape
    (2, 60)
    """
    namespace(x)
    expect_axes(x, "x", "N, C, H, W")
    n, c, h, w = x.shape
    # Through (C, H, W, N): long runs move where the batch is innermost, and stay innermost.
    columns = contiguous(permuted(x, (1, 2, 3, 0))).reshape(c * h * w, n)
    return columns.T, tuple(x.shape)


def flatten_backward(dy, cache):
    """The gradient of `flatten`: the vectors as images again.

    Args:
        dy: (N, C·H·W).
        cache: from `flatten`.
    Returns:
        dx: (N, C, H, W).
    Raises:
        ShapeError: dy has not the shape of y.
    """
    n, c, h, w = cache
    namespace(dy)
    expect_shape(dy, "dy", (n, c * h * w), like="the output")
    return dy.reshape(n, c, h, w)
