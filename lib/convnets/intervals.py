"""How far a mean over several seeds may be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class Interval(NamedTuple):
    """A mean, and how far its confidence interval reaches to either side."""

    mean: float
    half: float

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside."""
        return abs(value - self.mean) <= self.half

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half:.2f}".replace("-", "−")


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The interval of Student's t for the mean of independent values: mean ± t · s / √n.

    For two variants over the same seeds give the differences, seed by seed. Runs that share
    examples, as random splits of one data set do, are not independent: then it is too narrow.

    Args:
        values: (n,) finite numbers, n >= 2.
        level: how often such an interval is to hold the true mean.
    Raises:
        ValueError: fewer than two values, or one that is not finite.

    >>> print(mean_interval([1, 2, 3]))
    2.00 ± 2.48
    >>> mean_interval([1, 2, 3]).holds(0)
    True
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"values must be two or more finite numbers, but are {values}.")
    t = float(stdtrit(len(values) - 1, (1 + level) / 2))
    return Interval(float(values.mean()), float(t * values.std(ddof=1) / np.sqrt(len(values))))
