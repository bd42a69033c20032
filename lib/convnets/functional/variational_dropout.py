"""Variational dropout: Gaussian noise whose strength is learned."""

from __future__ import annotations

from convnets.arrays import float_namespace
from convnets.random import normal
from convnets.shapes import ShapeError, expect_shape

# Of the paper's approximation, equation (14) there.
C1, C2, C3 = 1.16145124, -1.50204118, 0.58629921


def variational_dropout(x, log_alpha, rng):
    """Multiply by noise of mean 1 and variance α, as in training; α ≤ 1 is learned.

    y = x · (1 + √α · ε),  ε ~ N(0, 1) for each number by itself,  α = min(e^log_alpha, 1)

    The noise stands on activations rather than on weights, which is the local reparameterisation:
    each example has its own. Binary dropout has the same mean and variance where
    α = (1 − keep_prob) / keep_prob. In evaluation y = x.

    Args:
        x: (N, C, ...), floating point, NumPy or torch; the result keeps its memory layout.
        log_alpha: (C,), log α of each feature or channel; above 0 it counts as 0.
        rng: generator, see `convnets.random`.
    Returns:
        y: the shape of x, and a cache for `variational_dropout_backward`.
    Raises:
        ShapeError: log_alpha has not one number for each feature of x.
    Reference: Kingma, Salimans, Welling 2015, "Variational Dropout and the Local
        Reparameterization Trick", arXiv:1506.02557.

    >>> import numpy as np
    >>> x, log_alpha = np.ones((1, 3)), np.log([1e-12, 0.25, 1.0])
    >>> variational_dropout(x, log_alpha, np.random.default_rng(0))[0].round(3)
    array([[1.   , 0.934, 1.64 ]])
    """
    xp = float_namespace(x, log_alpha)
    if len(x.shape) < 2 or tuple(log_alpha.shape) != (x.shape[1],):
        raise ShapeError(
            "log_alpha must have one number for each feature, the second axis of x, but it is "
            f"{tuple(log_alpha.shape)} and x is {tuple(x.shape)}."
        )
    noise = xp.empty_like(x)
    noise[...] = normal(rng, tuple(x.shape), like=x)
    noise *= _along(xp.exp(_at_most_zero(xp, log_alpha) / 2), x)  # √α · ε
    return x * (1 + noise), (x, log_alpha, noise)


def variational_dropout_backward(dy, cache):
    """Gradients of `variational_dropout`, through the noise of the forward pass.

    dx = dy · (1 + √α ε),  dlog_alpha[c] = Σ dy · x · √α ε / 2 over all but the features

    Where log_alpha is 0 or above, a gradient that would raise it further is set to zero, while one
    that lowers it is passed on: α comes to its bound and may leave it again.

    Args:
        dy: the shape of y.
        cache: from `variational_dropout`.
    Returns:
        dx: the shape of x; dlog_alpha: (C,).
    Raises:
        ShapeError: dy has not the shape of y.
    """
    x, log_alpha, noise = cache
    xp = float_namespace(dy, x, log_alpha)
    expect_shape(dy, "dy", x.shape, like="the output")
    others = tuple(axis for axis in range(len(x.shape)) if axis != 1)
    gradient = xp.sum(dy * x * noise, axis=others) / 2
    return dy * (1 + noise), _within_bound(xp, gradient, log_alpha)


def variational_kl(log_alpha):
    """KL divergence of the noise from the log-uniform prior, and its gradient: what is added to
    the loss, so that noise grows where the data do not mind.

    KL = −Σ (½ log α + c₁ α + c₂ α² + c₃ α³) + const,
    which for 0.1 ≤ α ≤ 1 is right to 0.004 a feature, and below to 0.04.

    The loss is a mean over examples: add KL divided by the number of examples in the training set.

    Args:
        log_alpha: (C,); above 0 it counts as 0.
    Returns:
        KL: a float, without the constant; and its gradient (C,), bounded as in
            `variational_dropout_backward`.
    Reference: Kingma, Salimans, Welling 2015, equation (14), c₁, c₂, c₃ = 1.16145124, −1.50204118,
        0.58629921.

    >>> import numpy as np
    >>> kl, gradient = variational_kl(np.log(np.array([0.1, 0.5])))
    >>> round(kl, 4), gradient.round(3)
    (1.1177, array([-0.588, -0.55 ]))
    """
    xp = float_namespace(log_alpha)
    log = _at_most_zero(xp, log_alpha)
    alpha = xp.exp(log)
    kl = -xp.sum(log / 2 + alpha * (C1 + alpha * (C2 + alpha * C3)))
    gradient = -(0.5 + alpha * (C1 + alpha * (2 * C2 + alpha * 3 * C3)))
    return float(kl), _within_bound(xp, gradient, log_alpha)


def _at_most_zero(xp, log_alpha):
    return xp.where(log_alpha > 0, xp.zeros_like(log_alpha), log_alpha)


def _within_bound(xp, gradient, log_alpha):
    """Zero where descent would lift an α that stands at 1."""
    return xp.where((log_alpha >= 0) & (gradient < 0), xp.zeros_like(gradient), gradient)


def _along(values, x):
    """(C,) as (1, C, 1, ...), to be broadcast over x."""
    return values.reshape((1, -1) + (1,) * (len(x.shape) - 2))
