"""Dropout by Gaussian noise whose strength is a parameter; formulas in `functional`."""

from __future__ import annotations

import math

import numpy as np

from convnets import functional as F
from convnets.arrays import number
from convnets.layers.base import Parameter, Positionwise
from convnets.layers.dropout import Noisy
from convnets.random import generator
from convnets.shapes import whole


class VariationalDropout(Noisy, Positionwise):
    """x · (1 + √α ε) in training, with one learned α ≤ 1 for each feature; x in evaluation.

    By the data alone α shrinks; `convnets.dropping.NoisePrior` adds what lets it grow.

    Args:
        features: C, the second axis of x.
        alpha: variance to begin with, in (0, 1]; (1 − p) / p is that of dropout with keep_prob p.
        rng: seed or generator for the noise; None draws a fresh seed.
    Input (N, C, ...), output alike; `log_alpha` (C,).
    Reference: Kingma, Salimans, Welling 2015, arXiv:1506.02557.

    >>> VariationalDropout(8, alpha=0.25, rng=0)
    VariationalDropout(8, alpha=0.25)
    """

    def __init__(self, features: int, alpha: float = 0.5, rng=None):
        alpha = number(alpha)
        if isinstance(alpha, bool | str) or not 0 < alpha <= 1:
            raise ValueError(
                f"alpha is the variance of the noise, in (0, 1], but is {alpha!r}; 0.5 is that of "
                "dropout with keep_prob 2/3."
            )
        self.features, self.alpha = whole(features, "features"), alpha
        self.log_alpha = Parameter(np.full(self.features, math.log(alpha), np.float32))
        self.rng = generator(rng)

    def forward(self, x):
        if self.training:
            y, noise = F.variational_dropout(x, self.log_alpha.data, self.rng)
            self.cache = True, noise
        else:
            y, kept = F.vanilla_dropout_eval(x, 1.0)
            self.cache = False, kept
        return y

    def backward(self, dy):
        noisy, cache = self.cache
        if noisy:
            dx, self.log_alpha.grad = F.variational_dropout_backward(dy, cache)
            return dx
        self.log_alpha.grad = self.log_alpha.data * 0
        return F.vanilla_dropout_backward(dy, cache)

    def extra_repr(self) -> str:
        return f"{self.features}, alpha={self.alpha}"
