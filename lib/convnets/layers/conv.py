"""Layers whose units see a window of the image: with shared weights, and without."""

from __future__ import annotations

import math

from convnets import functional as F
from convnets.init import Initialiser
from convnets.layers.base import Layer
from convnets.layers.weighted import Weighted
from convnets.shapes import ShapeError, output_shape, pair


class Conv2d(Weighted):
    """Cross-correlation of an image with learned filters; see `functional.conv2d`.

    Args:
        in_channels: C.
        out_channels: F, the number of filters.
        kernel_size, stride: int or (height, width), >= 1.
        padding: zeros added on each side; int or (height, width).
        groups: the channels are split into this many groups that do not mix; must divide C and F.
        bias: whether each filter has a learned offset.
        rng: seed or generator for the initial weights; None draws a fresh seed.
        init: how they are drawn, see `convnets.init.drawn`: by default He's normal distribution.
    Input (N, C, H, W), output (N, F, HO, WO); `weight` (F, C/groups, KH, KW), `bias` (F,).
    Raises:
        ShapeError: a size below 1, or groups that do not divide the channels.

    >>> Conv2d(3, 8, kernel_size=3, padding=1, rng=0)
    Conv2d(3, 8, kernel_size=3, padding=1)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        groups: int = 1,
        bias: bool = True,
        rng=None,
        init: Initialiser = "kaiming_normal",
    ):
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ShapeError(
                f"groups={groups} must divide in_channels={in_channels} and "
                f"out_channels={out_channels}; groups=1 lets all channels mix."
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride, self.padding = pair(stride, "stride"), pair(padding, "padding", minimum=0)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self._create(shape, (out_channels,) if bias else None, init, rng)

    def forward(self, x):
        bias = self.bias and self.bias.data
        y, self.cache = F.conv2d(x, self.weight.data, bias, self.stride, self.padding, self.groups)
        return y

    def backward(self, dy, *, input_gradient: bool = True):
        dx, self.weight.grad, db = F.conv2d_backward(dy, self.cache, input_gradient=input_gradient)
        if self.bias:
            self.bias.grad = db
        return dx

    def backward_parameters(self, dy) -> None:
        self.backward(dy, input_gradient=False)

    def field(self, before):
        return before.window(self.kernel_size, self.stride, self.padding)

    def multiply_adds(self, inputs, outputs):
        return math.prod(outputs) * math.prod(self.weight.data.shape[1:])

    def extra_repr(self) -> str:
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"{self.in_channels}, {self.out_channels}, {_window_repr(self)}{groups}" + (
            "" if self.bias else ", bias=False"
        )


class LocallyConnected2d(Weighted):
    """A convolution that does not share: every output position has filters of its own.

    Args:
        in_channels, out_channels: C and F.
        input_size: height and width of the images it will see; int or (height, width).
        kernel_size, stride, padding, bias, rng, init: as for `Conv2d`.
    Input (N, C, H, W), output (N, F, HO, WO); `weight` (HO, WO, F, C, KH, KW), `bias` (F, HO, WO).

    >>> LocallyConnected2d(1, 2, input_size=5, kernel_size=3, rng=0).parameters()["weight"]
    Parameter(3×3×2×1×3×3 float32)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size,
        kernel_size,
        stride=1,
        padding=0,
        bias: bool = True,
        rng=None,
        init: Initialiser = "kaiming_normal",
    ):
        self.in_channels, self.out_channels = in_channels, out_channels
        self.input_size = pair(input_size, "input_size")
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride, self.padding = pair(stride, "stride"), pair(padding, "padding", minimum=0)
        height, width = output_shape(self.input_size, self.kernel_size, self.stride, self.padding)
        shape = (height, width, out_channels, in_channels, *self.kernel_size)
        self._create(shape, (out_channels, height, width) if bias else None, init, rng)

    def _drawn_shape(self):
        # As ordinary filters, so that fan-in counts one window and not all positions.
        height, width, filters, *window = self.weight.data.shape
        return (height * width * filters, *window)

    def forward(self, x):
        bias = self.bias and self.bias.data
        y, self.cache = F.locally_connected2d(x, self.weight.data, bias, self.stride, self.padding)
        return y

    def backward(self, dy):
        dx, self.weight.grad, db = F.locally_connected2d_backward(dy, self.cache)
        if self.bias:
            self.bias.grad = db
        return dx

    def field(self, before):
        return before.window(self.kernel_size, self.stride, self.padding)

    def multiply_adds(self, inputs, outputs):
        return math.prod(self.weight.data.shape)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, input_size={short(self.input_size)}, "
            f"{_window_repr(self)}{'' if self.bias else ', bias=False'}"
        )


def short(size: tuple[int, int]) -> str:
    """A pair as the user may have written it: "3" for (3, 3)."""
    return str(size[0]) if size[0] == size[1] else str(size)


def _window_repr(layer: Layer) -> str:
    stride = "" if layer.stride == (1, 1) else f", stride={short(layer.stride)}"
    padding = "" if layer.padding == (0, 0) else f", padding={short(layer.padding)}"
    return f"kernel_size={short(layer.kernel_size)}{stride}{padding}"
