"""Losses on class scores, averaged over the batch: softmax cross-entropy and multi-class hinge.

Both take the true classes, or probabilities of all classes, as label smoothing and Mixup make them.
"""

from __future__ import annotations

from convnets.arrays import float_namespace, number, refuse_autograd
from convnets.functional.targets import are_soft, class_index, probabilities
from convnets.shapes import expect_axes


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

    L = −(1/N) Σ_n log softmax(s[n])[labels[n]],  or with soft targets t in place of labels
    L = −(1/N) Σ_n Σ_k t[n, k] · log softmax(s[n])[k]

    Args:
        scores: (N, K), floating point, NumPy or torch.
        labels: (N,), integers from 0 to K − 1; or (N, K), probabilities of the classes, floating
            point, which are converted to the dtype of the scores.
    Returns:
        loss: 0-d array of the dtype of scores, and a cache for `softmax_cross_entropy_backward`.
    Raises:
        ShapeError: not one label, or one row of probabilities, for each row of scores; or no rows.
        ValueError: labels are no integers, or out of range, or a row of probabilities is none; the
            message names the first such.

    >>> import numpy as np
    >>> loss, _ = softmax_cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9]))
    >>> loss.round(4) == np.log(10).round(4)
    np.True_
    >>> softmax_cross_entropy(np.array([[2.0, 0.0]]), np.array([[0.9, 0.1]]))[0].round(4)
    np.float64(0.3269)
    """
    losses, cache = softmax_cross_entropy_each(scores, labels)
    return _mean(losses), cache


def softmax_cross_entropy_each(scores, labels):
    """The same for each row of scores by itself: losses (N,), and the same cache."""
    xp = float_namespace(scores)
    if are_soft(labels):
        targets = probabilities(scores, labels)
        log_p = _log_softmax(xp, scores)
        return -xp.sum(targets * log_p, axis=1), (log_p, targets)
    at = class_index(xp, scores, labels)
    log_p = _log_softmax(xp, scores)
    return -log_p[at], (log_p, at)


def softmax_cross_entropy_backward(dloss, cache):
    """Gradient of `softmax_cross_entropy`: (softmax(s) − one_hot(labels)) · dloss / N.

    With soft targets, (softmax(s) − t) · dloss / N.

    Args:
        dloss: number or 0-d array, the gradient with respect to the loss; usually 1.0.
        cache: from `softmax_cross_entropy`.
    Returns:
        dscores: (N, K).
    """
    log_p, at = cache
    refuse_autograd(dloss)
    p = float_namespace(log_p).exp(log_p)
    if isinstance(at, tuple):
        p[at] -= 1
    else:
        # Rounded rows add up to 1 only nearly; the gradient is that of the sum as it is.
        p = p * at.sum(1)[:, None] - at
    return p * (number(dloss) / log_p.shape[0])


def hinge_loss(scores, labels, margin=1.0):
    """Multi-class hinge loss (Weston–Watkins): every other class must score `margin` lower.

    L = (1/N) Σ_n Σ_{k ≠ y} max(0, s[n, k] − s[n, y] + margin),  y = labels[n]

    Soft targets t give the mean over the classes: Σ_y t[n, y] times the loss for the class y.
    PyTorch's `multi_margin_loss` divides this by the number of classes K.

    Args:
        scores: (N, K), floating point, NumPy or torch.
        labels: (N,), integers from 0 to K − 1; or (N, K), probabilities of the classes, floating
            point, for which K times the memory is needed.
        margin: number, in units of the scores.
    Returns:
        loss: 0-d array of the dtype of scores, and a cache for `hinge_loss_backward`.
    Raises:
        ShapeError: not one label, or one row of probabilities, for each row of scores; or no rows.
        ValueError: labels are no integers, or out of range, or a row of probabilities is none; the
            message names the first such.
    Reference:
        Weston, Watkins 1999, Support Vector Machines for Multi-Class Pattern Recognition, ESANN.

    >>> import numpy as np
    >>> hinge_loss(np.array([[3.0, 2.5, -1.0]]), np.array([0]))[0]
    array(0.5)
    """
    losses, cache = hinge_loss_each(scores, labels, margin)
    return _mean(losses), cache


def hinge_loss_each(scores, labels, margin=1.0):
    """The same for each row of scores by itself: losses (N,), and the same cache."""
    xp, margin = float_namespace(scores), number(margin)
    if are_soft(labels):
        return _soft_hinge_loss(xp, scores, probabilities(scores, labels), margin)
    at = class_index(xp, scores, labels)
    excess = scores - scores[at][:, None] + margin
    excess[at] = 0
    return xp.sum(xp.maximum(excess, 0), axis=1), (scores, excess > 0, at)


def _soft_hinge_loss(xp, scores, targets, margin):
    # excess[n, y, k]: by how much the class k comes too near to y, if y were the true one.
    excess = scores[:, None, :] - scores[:, :, None] + margin
    classes = xp.arange(scores.shape[1], device=scores.device)
    excess[:, classes, classes] = 0
    losses = xp.sum(targets * xp.sum(xp.maximum(excess, 0), axis=2), axis=1)
    return losses, (scores, excess > 0, targets)


def hinge_loss_backward(dloss, cache):
    """Gradient of `hinge_loss`.

    A class inside the margin gets dloss / N, the true class minus as many times that as there are;
    with soft targets, the mean of that over the classes that may be the true one.

    Args:
        dloss: number or 0-d array, the gradient with respect to the loss; usually 1.0.
        cache: from `hinge_loss`.
    Returns:
        dscores: (N, K).
    """
    scores, inside, at = cache
    refuse_autograd(dloss)
    xp = float_namespace(scores)
    dscores = xp.astype(inside, scores.dtype)
    if isinstance(at, tuple):
        dscores[at] = -xp.sum(dscores, axis=1)
    else:
        dscores = dscores * at[:, :, None]
        dscores = xp.sum(dscores, axis=1) - xp.sum(dscores, axis=2)
    return dscores * (number(dloss) / scores.shape[0])


def _mean(losses):
    """The mean as a 0-d array: NumPy alone would return a scalar, which is no array."""
    xp = float_namespace(losses)
    return xp.asarray(xp.sum(losses) / losses.shape[0])
