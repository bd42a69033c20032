"""A linear classifier on features: how much of the classes can one linear map read off them?"""

from __future__ import annotations

import numpy as np


class LinearProbe:
    """Linear classifier by least squares with an L2 penalty: one solve, no learning rate.

    Features are brought to mean 0 and standard deviation 1, as in training; then W minimises
    (1/N) ‖features · W − one_hot(labels)‖² + penalty · ‖W‖², the biases not penalised.

    Args:
        features: (N, D), floating point: activations of a layer, or pixels.
        labels: (N,) integers from 0.
        penalty: >= 0.
    Raises:
        ValueError: not one label for each row of features, or a negative penalty.
    Reference: Alain, Bengio 2016, Understanding intermediate layers using linear classifier
        probes, arXiv:1610.01644, who train theirs with cross-entropy.

    >>> probe = LinearProbe(np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1]))
    >>> probe(np.array([[2.0], [3.0]])).tolist()
    [0, 1]
    """

    def __init__(self, features, labels, penalty: float = 0.01):
        features, labels = np.asarray(features, dtype=np.float64), np.asarray(labels)
        if features.ndim != 2 or labels.shape != features.shape[:1]:
            raise ValueError(
                "features must be (N, D) and labels (N,), but have the shapes "
                f"{features.shape} and {labels.shape}; images become rows with reshape(N, -1)."
            )
        if penalty < 0:
            raise ValueError(f"penalty must be >= 0, but is {penalty}.")
        self._mean, self._scale = features.mean(axis=0), features.std(axis=0)
        self._scale[self._scale < 1e-8] = 1.0  # a feature that never varies says nothing
        rows, targets = self._standard(features), np.eye(labels.max() + 1)[labels]
        self.bias = targets.mean(axis=0)
        gram = rows.T @ rows / len(rows) + penalty * np.eye(rows.shape[1])
        # lstsq rather than solve: without a penalty the matrix may be singular.
        self.weights = np.linalg.lstsq(gram, rows.T @ targets / len(rows), rcond=None)[0]

    def __call__(self, features) -> np.ndarray:
        """The class of each row of features (N, D): (N,) integers."""
        scores = self._standard(np.asarray(features, dtype=np.float64)) @ self.weights + self.bias
        return scores.argmax(axis=1)

    def accuracy(self, features, labels) -> float:
        """Share of rows that get their label."""
        return float((self(features) == np.asarray(labels)).mean())

    def _standard(self, features: np.ndarray) -> np.ndarray:
        return (features - self._mean) / self._scale
