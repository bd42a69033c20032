"""Losses on class scores, averaged over the batch: softmax cross-entropy and multi-class hinge."""

from __future__ import annotations

import numpy as np

from convnets.arrays import float_namespace, is_torch
from convnets.shapes import ShapeError, expect_axes


def softmax(scores):
    """Class probabilities: p[n, k] = exp(s[n, k]) / Σ_j exp(s[n, j]).

    Args:
        scores: (N, K), floating point, NumPy or torch.
    Returns:
        (N, K), positive, each row sums to 1. Never overflows.

    >>> import numpy as np
    >>> softmax(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """
    return float_namespace(scores).exp(log_softmax(scores))


def log_softmax(scores):
    """Logarithm of `softmax`, from the scores: s[n, k] − log Σ_j exp(s[n, j]).

    Args:
        scores: (N, K), floating point, NumPy or torch.
    Returns:
        (N, K), none above 0. Finite where the scores are, even where the probability rounds to 0.

    >>> import numpy as np
    >>> log_softmax(np.array([[0.0, 1000.0]]))
    array([[-1000.,     0.]])
    """
    xp = float_namespace(scores)
    expect_axes(scores, "scores", "N, K")
    return _log_softmax(xp, scores)


def _log_softmax(xp, scores):
    # Subtracting each row's largest score changes nothing but keeps exp at 1 or below.
    shifted = scores - xp.max(scores, axis=1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=1, keepdims=True))


def softmax_cross_entropy(scores, labels):
    """Mean negative log-probability of the true classes.

    L = −(1/N) Σ_n log softmax(s[n])[labels[n]]

    Args:
        scores: (N, K), floating point, NumPy or torch.
        labels: (N,), integers from 0 to K − 1.
    Returns:
        loss: 0-d array of the dtype of scores, and a cache for `softmax_cross_entropy_backward`.
    Raises:
        ShapeError: not one label for each row of scores, or no rows.
        ValueError: labels are no integers, or out of range; the message names the first such.

    >>> import numpy as np
    >>> loss, _ = softmax_cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9]))
    >>> loss.round(4) == np.log(10).round(4)
    np.True_
    """
    xp = float_namespace(scores)
    at = _label_index(xp, scores, labels)
    log_p = _log_softmax(xp, scores)
    return _mean(xp, -log_p[at]), (log_p, at)


def softmax_cross_entropy_backward(dloss, cache):
    """Gradient of `softmax_cross_entropy`: (softmax(s) − one_hot(labels)) · dloss / N.

    Args:
        dloss: number or 0-d array, the gradient with respect to the loss; usually 1.0.
        cache: from `softmax_cross_entropy`.
    Returns:
        dscores: (N, K).
    """
    log_p, at = cache
    dscores = float_namespace(log_p).exp(log_p)
    dscores[at] -= 1
    return dscores * (dloss / log_p.shape[0])


def hinge_loss(scores, labels, margin=1.0):
    """Multi-class hinge loss (Weston–Watkins): every other class must score `margin` lower.

    L = (1/N) Σ_n Σ_{k ≠ y} max(0, s[n, k] − s[n, y] + margin),  y = labels[n]

    PyTorch's `multi_margin_loss` divides this by the number of classes K.

    Args:
        scores: (N, K), floating point, NumPy or torch.
        labels: (N,), integers from 0 to K − 1.
        margin: number, in units of the scores.
    Returns:
        loss: 0-d array of the dtype of scores, and a cache for `hinge_loss_backward`.
    Raises:
        ShapeError: not one label for each row of scores, or no rows.
        ValueError: labels are no integers, or out of range; the message names the first such.
    Reference:
        Weston, Watkins 1999, Support Vector Machines for Multi-Class Pattern Recognition, ESANN.

    >>> import numpy as np
    >>> hinge_loss(np.array([[3.0, 2.5, -1.0]]), np.array([0]))[0]
    array(0.5)
    """
    xp = float_namespace(scores)
    at = _label_index(xp, scores, labels)
    excess = scores - scores[at][:, None] + margin
    excess[at] = 0
    losses = xp.sum(xp.maximum(excess, 0), axis=1)
    return _mean(xp, losses), (scores, excess > 0, at)


def hinge_loss_backward(dloss, cache):
    """Gradient of `hinge_loss`.

    A class inside the margin gets dloss / N, the true class minus as many times that as there are.

    Args:
        dloss: number or 0-d array, the gradient with respect to the loss; usually 1.0.
        cache: from `hinge_loss`.
    Returns:
        dscores: (N, K).
    """
    scores, inside, at = cache
    xp = float_namespace(scores)
    dscores = xp.astype(inside, scores.dtype)
    dscores[at] = -xp.sum(dscores, axis=1)
    return dscores * (dloss / scores.shape[0])


def _mean(xp, losses):
    """The mean as a 0-d array: NumPy alone would return a scalar, which is no array."""
    return xp.asarray(xp.sum(losses) / losses.shape[0])


def _label_index(xp, scores, labels):
    """Index of each row's true class, `scores[index]` being (N,), after checking the labels."""
    expect_axes(scores, "scores", "N, K")
    n, k = scores.shape
    labels = labels if is_torch(labels) else np.asarray(labels)
    if tuple(labels.shape) != (n,) or n == 0:
        raise ShapeError(
            f"labels must be (N,), one class for each of the {n} rows of scores and at least one, "
            f"but their shape is {tuple(labels.shape)}."
        )
    if not _is_integer(labels):
        kind = str(labels.dtype).removeprefix("torch.")
        raise ValueError(
            f"labels must be integers from 0 to {k - 1}, but are {kind}; "
            "give class numbers, not one-hot rows or probabilities."
        )
    labels = xp.asarray(labels, dtype=xp.int64, device=scores.device)
    _check_range(labels, k)
    return xp.arange(n, device=scores.device), labels


def _is_integer(labels) -> bool:
    if is_torch(labels):
        return str(labels.dtype).startswith(("torch.int", "torch.uint"))
    return labels.dtype.kind in "iu"  # ten times faster than its name


def _check_range(labels, k: int) -> None:
    if is_torch(labels) and labels.device.type == "meta":
        return  # shapes without numbers: nothing to check
    bad = (labels < 0) | (labels >= k)
    if bad.any():
        first = int(bad.nonzero()[0][0])
        raise ValueError(
            f"label {int(labels[first])} at index {first} is out of range: "
            f"with {k} classes, labels go from 0 to {k - 1}."
        )
