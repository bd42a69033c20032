"""Stochastic depth: residual branches that are left out at random while a network is trained."""

from __future__ import annotations

from convnets.arrays import float_namespace, namespace
from convnets.functional.dropout import keep_probability
from convnets.random import uniform
from convnets.shapes import expect_shape, whole

MODES = ("batch", "row")


def stochastic_depth(x, keep_prob, rng, mode="batch"):
    """The output of a residual branch as in training: kept as it is, or left out whole.

    y[n] = z[n] · x[n],  z ~ Bernoulli(keep_prob): one z for the batch, or one for each example

    The shortcut is added to y. At the test y = keep_prob · x, which is `vanilla_dropout_eval`.
    torchvision divides by its survival probability in training instead; the expectation of the
    first is keep_prob · x, that of the second x.

    Args:
        x: (N, ...), what the branch gave, floating point, NumPy or torch.
        keep_prob: probability that the branch survives, in (0, 1].
        rng: generator, see `convnets.random`.
        mode: "batch" for one z, as in the paper; "row" for one z for each example.
    Returns:
        y: (N, ...), and a cache for `stochastic_depth_backward`.
    Raises:
        ValueError: keep_prob or mode is none of these.
    Reference: Huang et al. 2016, "Deep Networks with Stochastic Depth", arXiv:1603.09382.

    >>> import numpy as np
    >>> y, _ = stochastic_depth(np.ones((4, 2)), 0.5, np.random.default_rng(1), mode="row")
    >>> y[:, 0]
    array([0., 0., 1., 0.])
    """
    z = survivors(x, keep_prob, rng, mode)
    return x * z, (z, tuple(x.shape))


def stochastic_depth_backward(dy, cache):
    """Gradient of `stochastic_depth`: dx[n] = z[n] · dy[n].

    Args:
        dy: (N, ...).
        cache: from `stochastic_depth`.
    Returns:
        dx: (N, ...).
    Raises:
        ShapeError: dy has not the shape of y.
    """
    z, shape = cache
    float_namespace(dy)
    namespace(dy, z)
    expect_shape(dy, "dy", shape, like="the output")
    return dy * z


def survivors(x, keep_prob, rng, mode="batch"):
    """The z of `stochastic_depth`: booleans (1, 1, ...) or (N, 1, ...), with as many axes as x.

    >>> import numpy as np
    >>> survivors(np.ones((3, 2)), 0.9, np.random.default_rng(1)).shape
    (1, 1)
    """
    keep_prob = keep_probability(keep_prob)
    check_mode(mode)
    float_namespace(x)
    count = 1 if mode == "batch" else x.shape[0]
    return uniform(rng, (count,) + (1,) * (x.ndim - 1), like=x) < keep_prob


def survival_probability(block: int, blocks: int, last: float = 0.5) -> float:
    """Linear decay of the keep_prob of residual blocks: deep ones are left out more often.

    p_l = 1 − (l / L) · (1 − p_L)

    Args:
        block: l, from 1 to L.
        blocks: L, how many there are.
        last: p_L, that of the last block, in (0, 1].
    Reference: Huang et al. 2016, section 3.

    >>> [survival_probability(l, 5) for l in (1, 3, 5)]
    [0.9, 0.7, 0.5]
    """
    last, block, blocks = keep_probability(last, "last"), whole(block, "block"), whole(blocks, "L")
    if block > blocks:
        raise ValueError(f"block is {block}, but there are {blocks}; they count from 1.")
    return 1 - block / blocks * (1 - last)


def check_mode(mode: str) -> None:
    """Raise ValueError for a mode that there is not."""
    if mode not in MODES:
        raise ValueError(
            f'unknown mode {mode!r}: there are "batch", where a branch is left out for all '
            'examples together, and "row", for each by itself.'
        )
