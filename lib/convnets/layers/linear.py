"""Fully connected layer, and the flattening before it."""

from __future__ import annotations

from convnets import functional as F
from convnets.init import Initialiser
from convnets.layers.base import Positionwise
from convnets.layers.fields import WHOLE_IMAGE
from convnets.layers.weighted import Weighted


class Linear(Weighted):
    """y = x wᵀ + b: every output sees every input.

    Args:
        in_features: D, length of an input.
        out_features: M, length of an output.
        bias: whether b is learned; without it there is none.
        rng: seed or generator for the initial weights; None draws a fresh seed.
        init: how they are drawn, see `convnets.init.drawn`: by default He's normal distribution.
    Input (N, D), output (N, M); `weight` (M, D), `bias` (M,), float32 until `to` converts them.

    >>> Linear(4, 3, rng=0).parameters()
    {'weight': Parameter(3×4 float32), 'bias': Parameter(3 float32)}
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng=None,
        init: Initialiser = "kaiming_normal",
    ):
        self.in_features, self.out_features = in_features, out_features
        bias_shape = (out_features,) if bias else None
        self._create((out_features, in_features), bias_shape, init, rng)

    def forward(self, x):
        y, self.cache = F.linear(x, self.weight.data, self.bias and self.bias.data)
        return y

    def backward(self, dy, *, input_gradient: bool = True):
        dx, self.weight.grad, db = F.linear_backward(dy, self.cache, input_gradient=input_gradient)
        if self.bias:
            self.bias.grad = db
        return dx

    def backward_parameters(self, dy) -> None:
        self.backward(dy, input_gradient=False)

    def field(self, before):
        return WHOLE_IMAGE

    def multiply_adds(self, inputs, outputs):
        return self.in_features * self.out_features

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}{'' if self.bias else ', bias=False'}"


class Flatten(Positionwise):
    """(N, C, H, W) -> (N, C·H·W), channels outermost.

    Each number keeps its receptive field; it is the layer after this that sees them all.
    """

    def forward(self, x):
        y, self.cache = F.flatten(x)
        return y

    def backward(self, dy):
        return F.flatten_backward(dy, self.cache)
