"""Item statistics: what the points of a class say about each question.

Pure functions of numbers. A statistic that is not defined, for a class of one or a question that
everybody solved, is None, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean


def mean_share(points: Sequence[float], most: float) -> float | None:
    """Difficulty of a question: mean points / most points. Small is hard.

    Args:
        points: of each student.
        most: what could be earned.
    Returns:
        A share, usually 0 to 1; None without students or without points to earn.

    >>> mean_share([1, 2, 3], 4)
    0.5
    """
    return fmean(points) / most if len(points) and most else None


def correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Pearson's r of two equally long lists; None for fewer than three pairs or no spread.

    >>> round(correlation([1, 2, 3], [3, 5, 4]), 6)
    0.5
    """
    if len(x) < 3:  # two points always lie on a line
        return None
    mean_x, mean_y = fmean(x), fmean(y)
    dx, dy = [a - mean_x for a in x], [b - mean_y for b in y]
    spread_x, spread_y = math.hypot(*dx), math.hypot(*dy)
    scale = max(1.0, *map(abs, x), *map(abs, y))
    if min(spread_x, spread_y) <= 1e-9 * scale:  # rounding, not spread
        return None
    covariance = math.fsum(a / spread_x * (b / spread_y) for a, b in zip(dx, dy, strict=True))
    return max(-1.0, min(1.0, covariance))


def discrimination(points: Sequence[float], totals: Sequence[float]) -> float | None:
    """Corrected item–total correlation: r of a question with the sum of all others.

    r = corr(x, T − x). Without the correction a question would correlate with itself. Good
    questions reach 0.3; a negative value says that those who did well elsewhere failed here.

    Args:
        points: of each student, in this question.
        totals: of each student, this question included.
    Returns:
        −1 to 1; None where it is undefined: fewer than three students, or everybody got the same.
    Reference: Henrysson (1963), "Correction of item–total correlations in item analysis",
        doi:10.1007/BF02289618.

    >>> round(discrimination([0, 1, 1], [1, 3, 4]), 4)
    0.866
    """
    rest = [total - own for own, total in zip(points, totals, strict=True)]
    return correlation(points, rest)


def quantile(values: Sequence[float], q: float) -> float | None:
    """The `q`-quantile, linear between order statistics as in NumPy; None for no values.

    >>> quantile([4, 1, 3, 2], 0.5)
    2.5
    """
    if not len(values):
        return None
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def bins(values: Sequence[float], most: float, count: int = 10) -> tuple[list[int], list[float]]:
    """How many values lie in each of `count` equal bins of [0, most]; the last includes `most`.

    Values outside, such as extra credit, count in the bin at that end.

    Returns:
        Counts, and the count + 1 edges.

    >>> bins([0, 4, 5, 9, 10], 10, 2)
    ([2, 3], [0.0, 5.0, 10.0])
    """
    edges = [most * i / count for i in range(count + 1)]
    counts = [0] * count
    for value in values:
        place = int(count * value / most) if most > 0 else 0
        counts[min(count - 1, max(0, place))] += 1
    return counts, edges
