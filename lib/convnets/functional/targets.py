"""What a batch of scores should have been: one class for each row, or probabilities of all classes.

Losses check it here, and say which of the two they were given.
"""

from __future__ import annotations

import numpy as np

from convnets.arrays import asarray_like, is_floating, is_torch, refuse_autograd
from convnets.shapes import ShapeError, expect_axes

# By how much the probabilities of a row may miss 1: float16 sums of a thousand classes do.
ROW_SUM_TOLERANCE = 1e-2


def class_index(xp, scores, labels):
    """Index of each row's true class, `scores[index]` being (N,), after checking the labels.

    Args:
        scores: (N, K).
        labels: (N,), integers from 0 to K − 1; a list or NumPy array serves torch scores too.
    Raises:
        ShapeError: not one label for each row of scores, or no rows.
        ValueError: labels are no integers, or out of range; the message names the first such.
    """
    expect_axes(scores, "scores", "N, K")
    n, k = scores.shape
    labels = labels if is_torch(labels) else np.asarray(labels)
    if tuple(labels.shape) != (n,) or n == 0:
        raise ShapeError(
            f"labels must be (N,), one class for each of the {n} rows of scores and at least one, "
            f"but their shape is {tuple(labels.shape)}; probabilities must be (N, K), as the "
            "scores, and floating-point."
        )
    if not _is_integer(labels):
        kind = str(labels.dtype).removeprefix("torch.")
        raise ValueError(
            f"labels must be integers from 0 to {k - 1}, but are {kind}; "
            "give class numbers (N,), or rows of probabilities (N, K)."
        )
    labels = xp.asarray(labels, dtype=xp.int64, device=scores.device)
    _check_range(labels, k)
    return xp.arange(n, device=scores.device), labels


def are_soft(targets) -> bool:
    """True for rows of probabilities, (N, K) floating-point numbers, False for class numbers."""
    if not is_torch(targets):
        targets = np.asarray(targets)
    return targets.ndim == 2 and bool(is_floating(targets))


def probabilities(scores, targets):
    """Soft targets in the namespace and dtype of the scores, after checking them.

    Args:
        scores: (N, K).
        targets: (N, K), floating point, >= 0, each row adding up to 1.
    Raises:
        ShapeError: they have not the shape of the scores, or no rows.
        ValueError: a row is no distribution; the message names the first such.
    """
    expect_axes(scores, "scores", "N, K")
    if tuple(targets.shape) != tuple(scores.shape) or scores.shape[0] == 0:
        raise ShapeError(
            f"soft targets must be (N, K) = {tuple(scores.shape)} as the scores, with at least "
            f"one row, but their shape is {tuple(targets.shape)}."
        )
    refuse_autograd(targets)
    targets = asarray_like(targets, scores)
    if not (is_torch(targets) and targets.device.type == "meta"):
        _check_rows(targets)
    return targets


def _check_rows(targets) -> None:
    sums = targets.sum(1)
    # Written so that NaN counts as bad too.
    bad = ~((abs(sums - 1) <= ROW_SUM_TOLERANCE) & (targets >= 0).all(1))
    if bad.any():
        first = int(bad.nonzero()[0][0])
        raise ValueError(
            f"soft targets are probabilities, >= 0 and adding up to 1 in each row, but row {first} "
            f"adds up to {float(sums[first]):g} and its smallest is {float(targets[first].min()):g}"
            "; divide each row by its sum, or give class numbers (N,)."
        )


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
