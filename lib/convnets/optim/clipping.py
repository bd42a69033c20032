"""Gradient clipping: an upper bound for a step that would leap too far."""

from __future__ import annotations

import math
from collections.abc import Sequence

from convnets.arrays import float_namespace, number


def clip_by_norm(gradients: Sequence, max_norm: float) -> tuple[list, float]:
    """Shorten all gradients together to a norm of at most `max_norm`; their direction stays.

    ‖g‖ = √(Σ g²) over all arrays,   g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶)) as in PyTorch

    Args:
        gradients: arrays of any shapes, floating point, NumPy or torch; they are left as they are.
        max_norm: > 0.
    Returns:
        The clipped gradients, new arrays of the same dtypes, and ‖g‖ before.
    Raises:
        ValueError: max_norm is not positive, or ‖g‖ is infinite or not a number.
    Reference: Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural
        networks", arXiv:1211.5063.

    >>> import numpy as np
    >>> clipped, norm = clip_by_norm([np.array([3.0]), np.array([4.0])], max_norm=1.0)
    >>> norm, [g.round(3).tolist() for g in clipped]
    (5.0, [[0.6], [0.8]])
    """
    limit = positive(max_norm, "max_norm")
    norm = gradient_norm(gradients)
    if not math.isfinite(norm):
        raise ValueError(
            f"the norm of the gradients is {norm}, and no factor makes that finite; look for the "
            "step at which they began to grow, and try a smaller learning rate."
        )
    factor = min(1.0, limit / (norm + 1e-6))
    return [g * factor for g in gradients], norm


def clip_by_value(gradients: Sequence, limit: float) -> list:
    """Every number of the gradients moved into [−limit, limit]; the direction may change.

    Args:
        gradients: as for `clip_by_norm`.
        limit: > 0.
    Returns:
        New arrays of the same dtypes.
    Raises:
        ValueError: limit is not positive.

    >>> import numpy as np
    >>> clip_by_value([np.array([3.0, -0.5])], limit=1.0)
    [array([ 1. , -0.5])]
    """
    limit = positive(limit, "limit")
    return [float_namespace(g).clip(g, -limit, limit) for g in gradients]


def gradient_norm(gradients: Sequence) -> float:
    """√(Σ g²) over all numbers of all arrays, summed in float64: no square overflows.

    >>> import numpy as np
    >>> gradient_norm([np.array([3.0]), np.array([[4.0]])])
    5.0
    """
    return math.sqrt(sum(_square_sum(g) for g in gradients))


def _square_sum(g) -> float:
    xp = float_namespace(g)
    wide = xp.astype(g, xp.float64)
    return float(xp.sum(wide * wide))


def positive(value: float, name: str) -> float:
    """Read a number > 0; `name` is how errors call it.

    >>> positive(2, "limit")
    2.0
    """
    plain = number(value)
    if isinstance(plain, bool | str) or not plain > 0:
        raise ValueError(f"{name} must be > 0, but is {value!r}; try 1.")
    return float(plain)
