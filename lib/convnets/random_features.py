"""Least squares on random ReLU features: a model of any capacity that is solved exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from convnets.arrays import number
from convnets.data.arguments import at_least
from convnets.random import generator


def random_features(d: int, m: int, rng: int | np.random.Generator) -> Callable:
    """A function that gives rows (N, D) their M features max(0, x W), W drawn from N(0, 1/D).

    >>> random_features(64, 5, rng=0)(np.ones((3, 64))).shape
    (3, 5)
    """
    at_least(1, d=d, m=m)
    w = generator(rng).standard_normal((d, m)) / np.sqrt(d)
    return lambda rows: np.maximum(rows @ w, 0)


def least_squares(z, targets, penalty: float = 0.0) -> np.ndarray:
    """The weights a (M, K) that minimise ‖z a − t‖² + penalty · ‖a‖².

    Without a penalty, where several fit equally well, those of the smallest norm.

    Args:
        z: (N, M) features; targets: (N, K).
        penalty: >= 0.
    Raises:
        ValueError: shapes that do not belong together, or a penalty out of its range.

    >>> least_squares(np.array([[1.0, 1.0]]), np.array([[2.0]])).round(6).tolist()
    [[1.0], [1.0]]
    """
    if z.ndim != 2 or targets.ndim != 2 or len(z) != len(targets):
        raise ValueError(
            f"z must be (N, M) and targets (N, K), but they are {z.shape} and {targets.shape}."
        )
    penalty = number(penalty)
    if not penalty >= 0:
        raise ValueError(f"penalty must be >= 0, but is {penalty!r}; try 1.")
    if penalty == 0:
        return np.linalg.lstsq(z, targets, rcond=None)[0]
    if len(z) <= z.shape[1]:  # the smaller of the two systems
        return z.T @ np.linalg.solve(z @ z.T + penalty * np.eye(len(z)), targets)
    return np.linalg.solve(z.T @ z + penalty * np.eye(z.shape[1]), z.T @ targets)
