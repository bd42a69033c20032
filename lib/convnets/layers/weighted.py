"""What layers with a weight and a bias share: how they are made and drawn anew."""

from __future__ import annotations

import numpy as np

from convnets.arrays import asarray_like
from convnets.init import Initialiser, drawn, zeros
from convnets.layers.base import Layer, Parameter
from convnets.random import generator


class Weighted(Layer):
    """A layer with a `weight`, drawn by an initialiser, and a `bias` that begins at zero.

    `convnets.init.apply` draws all layers of this kind anew.
    """

    def _create(self, shape: tuple, bias: tuple | None, init: Initialiser, rng) -> None:
        """Make both, given their shapes; `bias` is None where there is none."""
        self.weight = Parameter(np.empty(shape, np.float32))
        self.bias = None if bias is None else Parameter(zeros(bias))
        self.initialise(init, rng)

    def initialise(self, init: Initialiser = "kaiming_normal", rng=None) -> None:
        """Draw the weight anew, and set the bias to zero; dtype and device stay.

        Args:
            init: see `convnets.init.drawn`.
            rng: seed or generator; None draws a fresh seed.
        """
        weight = self.weight.data
        values = drawn(init, self._drawn_shape(), generator(rng)).reshape(tuple(weight.shape))
        self.weight.data, self.weight.grad = asarray_like(values, weight), None
        if self.bias:
            values = zeros(self.bias.data.shape)
            self.bias.data, self.bias.grad = asarray_like(values, self.bias.data), None

    def _drawn_shape(self) -> tuple[int, ...]:
        """The shape that initialisers are given, from which they read fan-in and fan-out."""
        return tuple(self.weight.data.shape)
