"""Layers that make images smaller by summarising windows; formulas in `convnets.functional`."""

from __future__ import annotations

from convnets import functional as F
from convnets.layers.base import Layer
from convnets.layers.conv import short
from convnets.layers.fields import VARIES, WHOLE_IMAGE
from convnets.random import generator
from convnets.shapes import pair


class _Pool(Layer):
    """What the pooling layers share; with windows, a `kernel_size`, `stride` and `padding`."""

    def field(self, before):
        return before.window(self.kernel_size, self.stride, self.padding)

    def multiply_adds(self, inputs, outputs):
        return 0


class MaxPool2d(_Pool):
    """Maximum over windows of each channel.

    Args:
        kernel_size: int or (height, width).
        stride: likewise; None means kernel_size, so that windows do not overlap.
        padding: −∞ on each side, at most half the kernel.

    >>> MaxPool2d(3, stride=2)
    MaxPool2d(kernel_size=3, stride=2)
    """

    def __init__(self, kernel_size, stride=None, padding=0):
        self.kernel_size, self.stride, self.padding = _window(kernel_size, stride, padding)

    def forward(self, x):
        y, self.cache = F.max_pool2d(x, self.kernel_size, self.stride, self.padding)
        return y

    def backward(self, dy):
        return F.max_pool2d_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return _window_repr(self)


class AvgPool2d(_Pool):
    """Mean over windows of each channel.

    Args:
        kernel_size, stride: as for `MaxPool2d`.
        padding: zeros on each side, at most half the kernel.
        count_include_pad: whether padded zeros count as values of the mean.

    >>> AvgPool2d((1, 2))
    AvgPool2d(kernel_size=(1, 2), stride=(1, 2))
    """

    def __init__(self, kernel_size, stride=None, padding=0, count_include_pad: bool = True):
        self.kernel_size, self.stride, self.padding = _window(kernel_size, stride, padding)
        self.count_include_pad = count_include_pad

    def forward(self, x):
        y, self.cache = F.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.count_include_pad
        )
        return y

    def backward(self, dy):
        return F.avg_pool2d_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return _window_repr(self) + ("" if self.count_include_pad else ", count_include_pad=False")


class GlobalAvgPool2d(_Pool):
    """Mean of each channel: (N, C, H, W) -> (N, C, 1, 1)."""

    def forward(self, x):
        y, self.cache = F.global_avg_pool2d(x)
        return y

    def backward(self, dy):
        return F.global_avg_pool2d_backward(dy, self.cache)

    def field(self, before):
        return WHOLE_IMAGE


class FractionalMaxPool2d(_Pool):
    """Maximum over pseudo-random regions, so that sizes may shrink by less than 2.

    In training the regions are drawn anew for each mini-batch; in evaluation they are the same
    each time, so that a prediction can be repeated.

    Args:
        output_size: int or (height, width).
        kernel_size: length of a region, int or (height, width).
        rng: seed or generator for the regions; None draws a fresh seed.
    Reference: Graham 2014, arXiv:1412.6071.

    >>> FractionalMaxPool2d(5, rng=0)
    FractionalMaxPool2d(5, kernel_size=2)
    """

    def __init__(self, output_size, kernel_size=2, rng=None):
        self.output_size = pair(output_size, "output_size")
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.rng = generator(rng)

    def forward(self, x):
        rng = self.rng if self.training else generator(0)
        y, self.cache = F.fractional_max_pool2d(x, self.output_size, rng, self.kernel_size)
        return y

    def backward(self, dy):
        return F.fractional_max_pool2d_backward(dy, self.cache)

    def field(self, before):
        return VARIES

    def extra_repr(self) -> str:
        return f"{short(self.output_size)}, kernel_size={short(self.kernel_size)}"


def _window(kernel_size, stride, padding):
    kernel = pair(kernel_size, "kernel_size")
    return (
        kernel,
        kernel if stride is None else pair(stride, "stride"),
        pair(padding, "padding", minimum=0),
    )


def _window_repr(layer: Layer) -> str:
    padding = "" if layer.padding == (0, 0) else f", padding={short(layer.padding)}"
    return f"kernel_size={short(layer.kernel_size)}, stride={short(layer.stride)}{padding}"
