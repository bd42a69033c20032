"""Projection of weights: a largest norm for what comes into each unit."""

from __future__ import annotations

from convnets.arrays import float_namespace
from convnets.optim.clipping import positive
from convnets.shapes import ShapeError


def project_max_norm(w, limit: float):
    """Shorten the incoming weights of every unit to a norm of at most `limit`.

    w[f] ← w[f] · min(1, limit / ‖w[f]‖),  the norm over all axes but the first

    It is done after an update. Some sources bound ‖w‖² ≤ c instead: c is limit².

    Args:
        w: (M, D) or (F, C, KH, KW), outputs first, floating point, NumPy or torch.
        limit: > 0; the paper's 3 to 4 went with dropout.
    Returns:
        A new array, with the dtype of w. Norms are computed in float64: no square overflows.
    Raises:
        ShapeError: w has only one axis, as biases have; or six, as locally connected layers have,
            where a unit is a place and not a filter.
        ValueError: limit is not positive.
    Reference: Srebro and Shraibman 2005, "Rank, Trace-Norm and Max-Norm", COLT; with dropout,
        Srivastava et al. 2014, JMLR 15, section 5.1.

    >>> import numpy as np
    >>> project_max_norm(np.array([[3.0, 4.0], [0.3, 0.4]]), limit=1.0)
    array([[0.6, 0.8],
           [0.3, 0.4]])
    """
    limit = positive(limit, "limit")
    xp = float_namespace(w)
    if not 2 <= len(w.shape) <= 5:
        raise ShapeError(
            "w must be (M, D) or (F, C, KH, KW), with an axis of outputs and then those of their "
            f"inputs, but its shape is {tuple(w.shape)}; biases have no incoming weights to bound, "
            "and weights that are not shared have several units for each filter."
        )
    wide = xp.astype(w, xp.float64)
    inputs = tuple(range(1, len(w.shape)))
    norm = xp.sum(wide * wide, axis=inputs, keepdims=True) ** 0.5
    factor = limit / xp.where(norm > limit, norm, xp.full_like(norm, limit))
    return xp.astype(wide * factor, w.dtype)
