"""DropAll: linear layers that drop both their inputs and their weights in training."""

from __future__ import annotations

from convnets.functional.drop_connect import (
    check_masks,
    drop_connect,
    drop_connect_backward,
    drop_connect_eval,
)
from convnets.functional.dropout import (
    keep_probability,
    vanilla_dropout,
    vanilla_dropout_backward,
    vanilla_dropout_eval,
)
from convnets.functional.linear import linear


def drop_all(x, w, b, keep_prob, keep_weight, rng, masks="example"):
    """Dropout and DropConnect in one: activations are dropped, and weights as well.

    y[n] = (M_n ⊙ w)(r_n ⊙ x[n]) + m_n ⊙ b,  r ~ Bernoulli(keep_prob), M, m ~ Bernoulli(keep_weight)

    With keep_weight = 1 it is `vanilla_dropout` before a linear layer, with keep_prob = 1 it is
    `drop_connect`.

    Args:
        keep_prob: probability that an activation x[n, d] is kept, in (0, 1].
        keep_weight: that a weight is kept, in (0, 1].
        x, w, b, rng, masks: as for `drop_connect`.
    Returns:
        y: (N, M), and a cache for `drop_all_backward`.
    Raises: as for `drop_connect`.
    Reference: Frazão and Alexandre 2014, "DropAll: Generalization of Two Convolutional Neural
        Network Regularization Methods", ICIAR, doi:10.1007/978-3-319-11758-4_31.
    """
    keep_weight = keep_probability(keep_weight, "keep_weight")
    check_masks(masks)
    linear(x[:0], w, b)
    x, activations = vanilla_dropout(x, keep_prob, rng)
    y, weights = drop_connect(x, w, b, keep_weight, rng, masks)
    return y, (activations, weights)


def drop_all_eval(x, w, b, keep_prob, keep_weight):
    """At the test: mean activations and mean weights.

    y = keep_weight · (w (keep_prob · x) + b)

    Args, Returns, Raises: as for `drop_all`.
    """
    keep_weight = keep_probability(keep_weight, "keep_weight")
    x, activations = vanilla_dropout_eval(x, keep_prob)
    y, weights = drop_connect_eval(x, w, b, keep_weight)
    return y, (activations, weights)


def drop_all_backward(dy, cache):
    """Gradients of `drop_all` and `drop_all_eval`.

    Args:
        dy: (N, M).
        cache: from either.
    Returns:
        dx (N, D); dw (M, D); db (M,), or None where the layer has no bias.
    Raises:
        ShapeError: dy has not the shape of y.
    """
    activations, weights = cache
    dx, dw, db = drop_connect_backward(dy, weights)
    return vanilla_dropout_backward(dx, activations), dw, db
