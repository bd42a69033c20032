"""Activations seen as (A, C, B), features in the middle, in the order in which they lie in memory.

Batch normalisation does the same to all values of a feature. Seen so, whatever the layout, they are
slices along two axes, and no copy is made where memory is C-ordered or has the batch innermost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from convnets.arrays import (
    batch_last,
    contiguous,
    from_rows,
    is_torch,
    rows_are_contiguous,
    rows_of,
)
from convnets.shapes import ShapeError, expect_shape

# Numbers that are worked on at once: a few arrays of them fit into a core's cache.
_BLOCK = 2**17

# How many times as large as the variance mean² may be before x − mean takes the place of x.
_NEAR = 2


def expect_features(x, name: str = "x", **of_features) -> None:
    """Raise ShapeError unless x is (N, D) or (N, C, H, W), with one number of each array a feature.

    Args:
        name: how errors call x.
        of_features: arrays by name, (D,) or (C,); None is passed over.
    """
    if len(x.shape) not in (2, 4):
        raise ShapeError(
            f"{name} must be (N, D) or (N, C, H, W), but its shape is {tuple(x.shape)}; features "
            "are on axis 1."
        )
    for array, values in of_features.items():
        if values is not None:
            features = f"the {x.shape[1]} features of {name}"
            expect_shape(values, array, x.shape[1:2], like=features)


def batch_is_last(x) -> bool:
    """Whether x, (N, D) or (N, C, H, W), lies with the batch innermost and not in C order."""
    rows = rows_of(x) if len(x.shape) == 4 else x.T
    return rows_are_contiguous(rows) and not rows_are_contiguous(x)


def by_feature(x, last: bool):
    """x as (A, C, B); copied only where it does not lie as `last` says.

    (N, C, H, W) is (H, C, W·N) with the batch innermost and (N, C, H·W) else; (N, D) is (1, D, N)
    or (N, D, 1).
    """
    if len(x.shape) == 2:
        return contiguous(x.T)[None] if last else contiguous(x)[:, :, None]
    seen = rows_of(batch_last(x)) if last else contiguous(x)
    return seen.reshape(*seen.shape[:2], math.prod(seen.shape[2:]))


def as_given(seen, shape: tuple[int, ...], last: bool):
    """The inverse of `by_feature`: (A, C, B) as the shape that x had."""
    if not last:
        return seen.reshape(shape)
    if len(shape) == 2:
        return seen[0].T
    n, c, h, w = shape
    return from_rows(seen.reshape(h, c, w, n))


def near_zero(mean, variance) -> bool:
    """Whether means are so small beside deviations that x need not be centred first.

    Then mean(x²) − mean² and y = a · x + b lose a few bits at most. NaN is not near. Torch is
    not asked: a device would be waited for, and `meta` has no values.
    """
    return not is_torch(mean) and bool((mean**2 <= _NEAR * variance).all())


def combined(shift, *terms):
    """Σ coefficient · array + shift, in a new array.

    NumPy does it in blocks along axis 0: what one step wrote is in the cache for the next.

    Args:
        shift: (A, K, B), or 1 in place of A or B where it is broadcast. K divides C; each of the K
            is for C/K channels that lie side by side.
        terms: pairs of a coefficient, as shift, and an array (A, C, B).
    """
    like = terms[0][1]
    if is_torch(like):
        total = sum((a * _beside(x, a)).reshape(x.shape) for a, x in terms)
        return (_beside(total, shift) + shift).reshape(like.shape)
    step = max(1, _BLOCK // max(1, like.shape[1] * like.shape[2]))
    out, product = np.empty_like(like), np.empty_like(like[:step])
    (first, x), *others = terms
    with _broadcasting_without_copies():
        for start in range(0, len(like), step):
            block = slice(start, start + step)
            total = out[block]
            _apply(np.multiply, x[block], _part(first, block), total)
            for coefficient, array in others:
                term = product[: len(total)]
                _apply(np.multiply, array[block], _part(coefficient, block), term)
                total += term
            _apply(np.add, total, _part(shift, block), total)
    return out


def _apply(operation, x, coefficient, out) -> None:
    operation(_beside(x, coefficient), coefficient, out=_beside(out, coefficient))


def _part(coefficient, block: slice):
    return coefficient if len(coefficient) == 1 else coefficient[block]


def _beside(x, coefficient):
    """(A, C, B) viewed as (A, K, C/K · B), where there are K coefficients."""
    a, c, b = x.shape
    k = coefficient.shape[1]
    return x.reshape(a, k, c // k * b)


@contextmanager
def _broadcasting_without_copies() -> Iterator[None]:
    """Within it, NumPy multiplies long rows by one number each in half the time.

    Where more than one row fits into its buffer, it first writes each number there as many times as
    its row is long.
    """
    usual = np.setbufsize(16)
    try:
        yield
    finally:
        np.setbufsize(usual)
