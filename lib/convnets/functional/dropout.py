"""Dropout: units, or whole channels, that are set to zero at random while a network is trained.

`keep_prob` is the probability that a unit is kept; PyTorch's `p` is the probability of dropping it.
A mask depends on the generator and on the shape and dtype of x, not on how x lies in memory nor on
where it lives.
"""

from __future__ import annotations

from convnets.arrays import float_namespace, from_rows, namespace, number
from convnets.random import uniform
from convnets.shapes import expect_axes, expect_shape


def dropout(x, keep_prob, rng):
    """Inverted dropout, as in training: what is kept grows, so that the expectation stays.

    y = x · m / keep_prob,  each m ~ Bernoulli(keep_prob) by itself,  so that E[y] = x

    In evaluation y = x: leave the call out. Draws in float32 are multiples of 2⁻²⁴, so that the
    probability is exact to 6 · 10⁻⁸.

    Args:
        x: any shape, floating point, NumPy or torch; the result keeps its memory layout.
        keep_prob: probability that a unit is kept, in (0, 1]. PyTorch's p is 1 − keep_prob.
        rng: generator for the mask, see `convnets.random`; it moves on by one number for each unit.
    Returns:
        y: the shape of x, and a cache for `dropout_backward`.
    Raises:
        ValueError: keep_prob is not in (0, 1]; nothing was drawn.
        TypeError: rng is no generator.
    Reference: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from
        Overfitting", JMLR 15, where scaling is left to the test, see `vanilla_dropout`.

    >>> import numpy as np
    >>> y, _ = dropout(np.ones(6), keep_prob=0.5, rng=np.random.default_rng(1))
    >>> y
    array([0., 0., 2., 0., 2., 2.])
    """
    keep_prob = keep_probability(keep_prob)
    return _masked(x, kept(x, x.shape, keep_prob, rng), 1 / keep_prob)


def dropout_backward(dy, cache):
    """Gradient of `dropout`, through the mask of the forward pass.

    dx = dy · m / keep_prob

    Args:
        dy: the shape of y.
        cache: from `dropout`.
    Returns:
        dx: the shape of x.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    return _masked_backward(dy, cache)


def vanilla_dropout(x, keep_prob, rng):
    """Dropout as it was first published: no scaling in training, but at the test.

    y = x · m,  each m ~ Bernoulli(keep_prob),  so that E[y] = keep_prob · x

    Args, Raises: as for `dropout`, and with the same generator the mask is the same.
    Returns:
        y: the shape of x, and a cache for `vanilla_dropout_backward`.
    Reference: Srivastava et al. 2014, JMLR 15.

    >>> import numpy as np
    >>> y, _ = vanilla_dropout(np.ones(6), keep_prob=0.5, rng=np.random.default_rng(1))
    >>> y
    array([0., 0., 1., 0., 1., 1.])
    """
    keep_prob = keep_probability(keep_prob)
    return _masked(x, kept(x, x.shape, keep_prob, rng), 1.0)


def vanilla_dropout_eval(x, keep_prob):
    """What goes with `vanilla_dropout` at the test: every unit, times its chance in training.

    y = keep_prob · x

    Args, Raises: as for `dropout`.
    Returns:
        y: the shape of x, x itself where keep_prob is 1; and a cache for
            `vanilla_dropout_backward`.

    >>> import numpy as np
    >>> vanilla_dropout_eval(np.ones(2), keep_prob=0.8)[0]
    array([0.8, 0.8])
    """
    float_namespace(x)
    return _masked(x, None, keep_probability(keep_prob))


def vanilla_dropout_backward(dy, cache):
    """Gradient of `vanilla_dropout` and of `vanilla_dropout_eval`.

    dx = dy · m in training,  keep_prob · dy at the test

    Args:
        dy: the shape of y.
        cache: from either.
    Returns:
        dx: the shape of x.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    return _masked_backward(dy, cache)


def drop_maps(x, keep_prob, rng):
    """Inverted dropout of whole channels: neighbouring pixels tell each other what was dropped.

    y[n, c] = x[n, c] · m[n, c] / keep_prob,  m ~ Bernoulli(keep_prob) for each image and channel

    Known as DropMaps and as spatial dropout; in evaluation y = x.

    Args:
        x: (N, C, H, W), otherwise as for `dropout`.
        keep_prob, rng: as for `dropout`.
    Returns:
        y: (N, C, H, W), and a cache for `drop_maps_backward`.
    Raises:
        ShapeError: x has not four axes.
        ValueError, TypeError: as for `dropout`.
    Reference: Tompson et al. 2015, "Efficient Object Localization Using Convolutional Networks",
        arXiv:1411.4280.

    >>> import numpy as np
    >>> y, _ = drop_maps(np.ones((1, 3, 2, 2)), keep_prob=0.5, rng=np.random.default_rng(1))
    >>> y[0, :, 0, 0], y[0, :, 1, 1]
    (array([0., 0., 2.]), array([0., 0., 2.]))
    """
    keep_prob = keep_probability(keep_prob)
    float_namespace(x)
    expect_axes(x, "x", "N, C, H, W")
    shape = (*x.shape[:2], 1, 1)
    return _masked(x, kept(x, shape, keep_prob, rng), 1 / keep_prob)


def drop_maps_backward(dy, cache):
    """Gradient of `drop_maps`: dx = dy · m / keep_prob.

    Args:
        dy: (N, C, H, W).
        cache: from `drop_maps`.
    Returns:
        dx: (N, C, H, W).
    Raises:
        ShapeError: dy has not the shape of y.
    """
    return _masked_backward(dy, cache)


def keep_probability(value, name: str = "keep_prob") -> float:
    """Read the probability that something is kept, in (0, 1]; `name` is how errors call it.

    >>> keep_probability(0.8)
    0.8
    """
    plain = number(value)
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not 0 < plain <= 1:
        raise ValueError(
            f"{name} is the probability that a unit is kept, in (0, 1], but is {value!r}; at 0 "
            "nothing would be left to learn from. Where PyTorch drops with p=0.2, give 0.8."
        )
    return float(plain)


def kept(x, shape, keep_prob: float, rng):
    """Booleans, each True with probability keep_prob, where x lives and lying as x does.

    Args:
        x: what is to be masked.
        shape: of the mask; that of x, or one that is broadcast to it.
        keep_prob: in (0, 1].
        rng: generator; draws are in the dtype of x.
    """
    xp = float_namespace(x)
    # Images are drawn as they lie in memory where speed counts, with the batch innermost.
    rows = tuple(shape[axis] for axis in (2, 1, 3, 0)) if len(shape) == 4 else tuple(shape)
    draws = uniform(rng, rows, like=x)
    draws = from_rows(draws) if len(shape) == 4 else draws
    if tuple(shape) != tuple(x.shape):
        return draws < keep_prob
    mask = xp.empty_like(x, dtype=xp.bool)
    mask[...] = draws < keep_prob
    return mask


def _masked(x, mask, scale: float):
    """x · mask · scale, and what backward needs; a mask of None keeps everything."""
    y = x if mask is None else x * mask
    return y if scale == 1 else y * scale, (mask, scale, tuple(x.shape))


def _masked_backward(dy, cache):
    mask, scale, shape = cache
    float_namespace(dy)
    namespace(dy, mask)
    expect_shape(dy, "dy", shape, like="the output")
    return _masked(dy, mask, scale)[0]
