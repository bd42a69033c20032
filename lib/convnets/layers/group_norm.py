"""Normalisation of each example by itself; formulas in `convnets.functional`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from convnets import functional as F
from convnets.functional.batch_norm import small_constant
from convnets.layers.base import Parameter, Positionwise
from convnets.shapes import ShapeError, whole


class ScaledNorm(Positionwise):
    """What layers share that normalise, scale and shift, and do the same in training and test.

    Attributes:
        eps: ε >= 0, inside the root.
        gamma, beta: parameters, which begin at 1 and 0; None where they are left out.
    """

    def _create(self, shape: tuple[int, ...], eps: float, affine: bool) -> None:
        self.eps = small_constant(eps)
        self.gamma = Parameter(np.ones(shape, np.float32)) if affine else None
        self.beta = Parameter(np.zeros(shape, np.float32)) if affine else None

    def backward(self, dy):
        dx, dgamma, dbeta = self._gradients(dy)
        if self.gamma:
            self.gamma.grad, self.beta.grad = dgamma, dbeta
        return dx

    def field(self, before):
        return before.whole_image()

    def _weights(self):
        return (p and p.data for p in (self.gamma, self.beta))

    def _options_repr(self, affine: bool = True, eps: float = 1e-5) -> str:
        """The arguments that differ from their defaults."""
        shown = "" if self.eps == eps else f", eps={self.eps}"
        return shown + ("" if bool(self.gamma) == affine else f", affine={not affine}")


class GroupNorm(ScaledNorm):
    """Each image normalised over the channels of a group and all pixels.

    Args:
        groups: a divisor of channels.
        channels: C.
        eps: ε >= 0, inside the root.
        affine: whether γ and β, (C,), are learned.
    Input (N, C, H, W) or (N, C).
    Raises:
        ShapeError: groups that do not divide the channels.
    Reference: Wu and He 2018, arXiv:1803.08494.

    >>> GroupNorm(4, 32)
    GroupNorm(4, 32)
    """

    def __init__(self, groups: int, channels: int, eps: float = 1e-5, affine: bool = True):
        self.groups, self.channels = whole(groups, "groups"), whole(channels, "channels")
        if self.channels % self.groups:
            raise ShapeError(
                f"groups={groups} must divide channels={channels}; try "
                f"{math.gcd(self.groups, self.channels)}."
            )
        self._create((self.channels,), eps, affine)

    def forward(self, x):
        _expect_channels(self, x)
        y, self.cache = F.group_norm(x, self.groups, *self._weights(), self.eps)
        return y

    def _gradients(self, dy):
        return F.group_norm_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return f"{self.groups}, {self.channels}{self._options_repr()}"


class InstanceNorm2d(ScaledNorm):
    """Each channel of each image normalised over its pixels.

    Args:
        channels: C.
        eps: ε >= 0, inside the root.
        affine: whether γ and β, (C,), are learned; not so by default, as in PyTorch.
    Input (N, C, H, W).
    Reference: Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022.

    >>> InstanceNorm2d(8)
    InstanceNorm2d(8)
    """

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = False):
        self.channels = whole(channels, "channels")
        self._create((self.channels,), eps, affine)

    def forward(self, x):
        _expect_channels(self, x)
        y, self.cache = F.instance_norm(x, *self._weights(), self.eps)
        return y

    def _gradients(self, dy):
        return F.instance_norm_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return f"{self.channels}{self._options_repr(affine=False)}"


class LayerNorm(ScaledNorm):
    """Each example normalised over all its values, with a scale and a shift for each value.

    Args:
        shape: of an example: D, or (C, H, W).
        eps: ε >= 0, inside the root.
        affine: whether γ and β, of that shape, are learned.
    Input (N, *shape).
    Reference: Ba, Kiros and Hinton 2016, arXiv:1607.06450.

    >>> LayerNorm(64), LayerNorm((3, 8, 8)).parameters()["gamma"]
    (LayerNorm(64), Parameter(3×8×8 float32))
    """

    def __init__(self, shape: int | Sequence[int], eps: float = 1e-5, affine: bool = True):
        sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        if len(sizes) not in (1, 3):
            raise ShapeError(f"shape must be D or (C, H, W), but is {shape!r}.")
        self.shape = tuple(whole(size, "each size of shape") for size in sizes)
        self._create(self.shape, eps, affine)

    def forward(self, x):
        if tuple(x.shape[1:]) != self.shape:
            raise ShapeError(
                f"x must be (N, {', '.join(map(str, self.shape))}), but is {tuple(x.shape)}; make "
                f"the layer with the shape of an example, {tuple(x.shape[1:])}."
            )
        y, self.cache = F.layer_norm(x, *self._weights(), self.eps)
        return y

    def _gradients(self, dy):
        return F.layer_norm_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return f"{self.shape if len(self.shape) > 1 else self.shape[0]}{self._options_repr()}"


def _expect_channels(layer, x) -> None:
    if len(x.shape) > 1 and x.shape[1] != layer.channels:
        raise ShapeError(
            f"x has {x.shape[1]} channels on axis 1, but {type(layer).__name__} was made for "
            f"{layer.channels}; make it with channels={x.shape[1]}."
        )
