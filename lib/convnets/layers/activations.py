"""Element-wise non-linearities; formulas in `convnets.functional`."""

from __future__ import annotations

from convnets import functional as F
from convnets.layers.base import Positionwise


class ReLU(Positionwise):
    """max(x, 0)."""

    def forward(self, x):
        y, self.cache = F.relu(x)
        return y

    def backward(self, dy):
        return F.relu_backward(dy, self.cache)


class Sigmoid(Positionwise):
    """1 / (1 + exp(−x))."""

    def forward(self, x):
        y, self.cache = F.sigmoid(x)
        return y

    def backward(self, dy):
        return F.sigmoid_backward(dy, self.cache)


class Tanh(Positionwise):
    """tanh(x)."""

    def forward(self, x):
        y, self.cache = F.tanh(x)
        return y

    def backward(self, dy):
        return F.tanh_backward(dy, self.cache)


class Softplus(Positionwise):
    """log(1 + exp(x))."""

    def forward(self, x):
        y, self.cache = F.softplus(x)
        return y

    def backward(self, dy):
        return F.softplus_backward(dy, self.cache)
