"""Filter response normalisation and its rectifier; formulas in `convnets.functional`."""

from __future__ import annotations

import numpy as np

from convnets import functional as F
from convnets.layers.base import Parameter, Positionwise
from convnets.layers.group_norm import ScaledNorm
from convnets.shapes import whole


class FilterResponseNorm(ScaledNorm):
    """Each channel of each image divided by the root of its mean square; nothing is centred.

    Args:
        channels: C.
        eps: ε >= 0, inside the root.
        affine: whether γ and β, (C,), are learned.
    Input (N, C, H, W). `ThresholdedLinear` is meant to follow.
    Reference: Singh and Krishnan 2020, arXiv:1911.09737.

    >>> FilterResponseNorm(8)
    FilterResponseNorm(8)
    """

    def __init__(self, channels: int, eps: float = 1e-6, affine: bool = True):
        self.channels = whole(channels, "channels")
        self._create((self.channels,), eps, affine)

    def forward(self, x):
        y, self.cache = F.filter_response_norm(x, *self._weights(), self.eps)
        return y

    def _gradients(self, dy):
        return F.filter_response_norm_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return f"{self.channels}{self._options_repr(eps=1e-6)}"


class ThresholdedLinear(Positionwise):
    """max(y, τ) with a learned threshold τ for each channel, which begins at 0: there it is ReLU.

    Args:
        channels: C.
    Input (N, C, H, W) or (N, C); `tau` (C,).
    Reference: Singh and Krishnan 2020, arXiv:1911.09737.

    >>> ThresholdedLinear(8).parameters()
    {'tau': Parameter(8 float32)}
    """

    def __init__(self, channels: int):
        self.channels = whole(channels, "channels")
        self.tau = Parameter(np.zeros(self.channels, np.float32))

    def forward(self, x):
        z, self.cache = F.thresholded_linear(x, self.tau.data)
        return z

    def backward(self, dy):
        dx, self.tau.grad = F.thresholded_linear_backward(dy, self.cache)
        return dx

    def extra_repr(self) -> str:
        return f"{self.channels}"
