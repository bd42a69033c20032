"""DropConnect: linear layers whose weights are set to zero at random while a network is trained."""

from __future__ import annotations

from convnets.arrays import float_namespace
from convnets.functional.dropout import keep_probability, kept
from convnets.functional.linear import linear, linear_backward
from convnets.random import normal
from convnets.shapes import expect_shape, whole

MASKS = ("example", "batch")

# Weights, over some examples, that are drawn and multiplied at once.
_BLOCK = 2**20


def drop_connect(x, w, b, keep_prob, rng, masks="example"):
    """A linear layer that keeps each weight with probability keep_prob, as in training.

    y[n] = (M_n ⊙ w) x[n] + m_n ⊙ b,  each entry of M_n and of m_n ~ Bernoulli(keep_prob)

    As in the paper, biases are masked too and nothing is scaled, so that E[y] = keep_prob · (w x +
    b); see `drop_connect_eval` and `drop_connect_gaussian` for the test.

    Masks of each example cost N·M·D bytes until backward, and as many draws: 16 MB for 64 examples
    and 512 × 512 weights. What is needed besides is bounded, for examples are taken some at a time.

    Args:
        x: (N, D), floating point, NumPy or torch.
        w: (M, D).
        b: (M,), or None.
        keep_prob: in (0, 1].
        rng: generator, see `convnets.random`.
        masks: "example" for masks of each example, as in the paper; "batch" for the same ones for
            all, which costs no more than `linear` but makes gradients noisier.
    Returns:
        y: (N, M), and a cache for `drop_connect_backward`.
    Raises:
        ShapeError: shapes do not fit together.
        ValueError: keep_prob or masks is none of these; nothing was drawn.
    Reference: Wan et al. 2013, "Regularization of Neural Networks using DropConnect", ICML.

    >>> import numpy as np
    >>> x, w, rng = np.ones((2, 4)), np.ones((1, 4)), np.random.default_rng(0)
    >>> drop_connect(x, w, None, 0.5, rng)[0]
    array([[3.],
           [0.]])
    """
    keep_prob = keep_probability(keep_prob)
    check_masks(masks)
    linear(x[:0], w, b)  # raises where shapes do not fit, before anything is drawn
    if masks == "batch":
        mask = kept(w, w.shape, keep_prob, rng)
        return _linear(x, w, b, mask, None if b is None else kept(b, b.shape, keep_prob, rng))
    xp = float_namespace(x, w, b)
    weights = []
    y = xp.empty((x.shape[0], w.shape[0]), dtype=x.dtype, device=x.device)
    for s in _blocks(x, w):
        weights.append(kept(w, (s.stop - s.start, *w.shape), keep_prob, rng))
        y[s] = (weights[-1] * w @ x[s][:, :, None])[:, :, 0]
    if b is None:
        return y, (x, w, weights, None)
    bias = kept(b, (x.shape[0], *b.shape), keep_prob, rng)
    return y + bias * b, (x, w, weights, bias)


def drop_connect_eval(x, w, b, keep_prob):
    """What usually goes with `drop_connect` at the test: the mean weights.

    y = keep_prob · (w x + b)

    Args, Raises: as for `drop_connect`.
    Returns:
        y: (N, M), and a cache for `drop_connect_backward`.
    """
    keep_prob = keep_probability(keep_prob)
    return _linear(x, w, b, keep_prob, keep_prob)


def drop_connect_backward(dy, cache):
    """Gradients of `drop_connect` and `drop_connect_eval`, through the masks of the forward pass.

    dx[n] = (M_n ⊙ w)ᵀ dy[n],  dw = Σ_n M_n ⊙ dy[n] x[n]ᵀ,  db = Σ_n m_n ⊙ dy[n]

    Args:
        dy: (N, M).
        cache: from either.
    Returns:
        dx (N, D); dw (M, D); db (M,), or None where the layer has no bias.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    if len(cache) == 3:
        inner, mask, bias = cache
        dx, dw, db = linear_backward(dy, inner)
        return dx, dw * mask, None if db is None else db * bias
    x, w, weights, bias = cache
    xp = float_namespace(dy, x, w)
    expect_shape(dy, "dy", (x.shape[0], w.shape[0]), like="the output")
    dx, dw = xp.zeros_like(x), xp.zeros_like(w)
    for s, mask in zip(_blocks(x, w), weights, strict=True):
        dx[s] = (dy[s][:, None, :] @ (mask * w))[:, 0]
        dw += xp.sum(mask * dy[s][:, :, None] * x[s][:, None, :], axis=0)
    return dx, dw, None if bias is None else xp.sum(bias * dy, axis=0)


def drop_connect_moments(x, w, b, keep_prob):
    """Mean and variance, over the masks, of what `drop_connect` gives.

    μ = p (w x + b),  σ² = p (1 − p) (w² x² + b²)  with squares entry by entry and p = keep_prob

    Args: as for `drop_connect`.
    Returns:
        μ, σ²: (N, M) each.

    >>> import numpy as np
    >>> drop_connect_moments(np.ones((1, 4)), np.ones((1, 4)), None, 0.5)
    (array([[2.]]), array([[1.]]))
    """
    p = keep_probability(keep_prob)
    mean, _ = linear(x, p * w, None if b is None else p * b)
    squares, _ = linear(x * x, w * w, None if b is None else b * b)
    return mean, p * (1 - p) * squares


def drop_connect_gaussian(x, w, b, keep_prob, activation, rng, samples=100):
    """The paper's inference: the activation's mean over a normal distribution of its argument.

    a = E[activation(u)],  u ~ N(μ, σ²) with the moments of `drop_connect_moments`, by sampling

    A sum of many masked weights is nearly normal. `activation(μ)` is the cheaper rule, and another
    number where the activation is not linear.

    Args:
        x, w, b, keep_prob, rng: as for `drop_connect`.
        activation: a function of an array, such as `lambda u: np.maximum(u, 0)`.
        samples: draws of u that are averaged, >= 1; the paper takes 1000.
    Returns:
        a: (N, M).
    Reference: Wan et al. 2013, section 3.2.
    """
    samples = whole(samples, "samples")
    mean, variance = drop_connect_moments(x, w, b, keep_prob)
    deviation = variance**0.5
    draws = (normal(rng, tuple(mean.shape), like=mean) for _ in range(samples))
    return sum(activation(mean + deviation * each) for each in draws) / samples


def check_masks(masks: str) -> None:
    """Raise ValueError for masks that there are not."""
    if masks not in MASKS:
        raise ValueError(
            f'unknown masks {masks!r}: there are "example", where each example has its own, and '
            '"batch", where all share one.'
        )


def _linear(x, w, b, mask, bias):
    y, inner = linear(x, w * mask, None if b is None else b * bias)
    return y, (inner, mask, bias)


def _blocks(x, w) -> list[slice]:
    """The examples, some at a time, so that their masked weights are about _BLOCK numbers."""
    count, step = x.shape[0], max(1, _BLOCK // max(1, w.shape[0] * w.shape[1]))
    return [slice(i, min(i + step, count)) for i in range(0, count, step)]
