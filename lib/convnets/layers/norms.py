"""Normalisation layers; formulas in `convnets.functional`."""

from __future__ import annotations

from convnets import functional as F
from convnets.arrays import number
from convnets.layers.base import Positionwise


class LocalResponseNorm(Positionwise):
    """Each value divided by a power of the energy in `size` neighbouring channels.

    Args:
        size, alpha, beta, k: as for `functional.local_response_norm`.
    Reference: Krizhevsky, Sutskever and Hinton 2012, section 3.3.

    >>> LocalResponseNorm()
    LocalResponseNorm(size=5, alpha=0.0001, beta=0.75, k=2.0)
    """

    def __init__(self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0):
        self.size = size
        self.alpha, self.beta, self.k = number(alpha), number(beta), number(k)

    def forward(self, x):
        y, self.cache = F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)
        return y

    def backward(self, dy):
        return F.local_response_norm_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
