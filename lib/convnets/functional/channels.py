"""Activations seen as (A, C, B), features in the middle, in the order in which they lie in memory.

Batch normalisation does the same to all values of a feature. Seen so, whatever the layout, they are
slices along two axes, and no copy is made where memory is C-ordered or has the batch innermost.
"""

from __future__ import annotations

from convnets.arrays import batch_last, contiguous, from_rows, rows_are_contiguous, rows_of
from convnets.shapes import ShapeError


def expect_features(x, name: str = "x") -> None:
    """Raise ShapeError unless x is (N, D) or (N, C, H, W)."""
    if len(x.shape) not in (2, 4):
        raise ShapeError(
            f"{name} must be (N, D) or (N, C, H, W), but its shape is {tuple(x.shape)}; features "
            "are on axis 1."
        )


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
    return seen.reshape(seen.shape[0], seen.shape[1], -1)


def as_given(seen, shape: tuple[int, ...], last: bool):
    """The inverse of `by_feature`: (A, C, B) as the shape that x had."""
    if not last:
        return seen.reshape(shape)
    if len(shape) == 2:
        return seen[0].T
    n, c, h, w = shape
    return from_rows(seen.reshape(h, c, w, n))
