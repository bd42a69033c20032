"""Which pixels of an image an output can depend on: the arithmetic of receptive fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from convnets.shapes import ShapeError, pair


class Field(NamedTuple):
    """The smallest window that holds all an output can depend on, as pairs (height, width).

    A layer says what it does to one in `Layer.field`, mostly with one of the methods here.

    Attributes:
        size: pixels; `math.inf` where every pixel can matter, `math.nan` where the size differs
            from place to place (after fractional pooling).
        stride: pixels between the windows of neighbouring outputs.
        start: first pixel of the window of output (0, 0); negative where it begins in the padding.

    >>> PIXEL.window(3, stride=2, padding=1).window(3)
    Field(size=(7, 7), stride=(2, 2), start=(-1, -1))
    """

    size: tuple[float, float]
    stride: tuple[float, float]
    start: tuple[float, float]

    def window(self, kernel_size, stride=1, padding=0) -> Field:
        """The field after a layer whose outputs see windows of places that have this one.

            size ← size + (kernel − 1) · stride_before
            start ← start − padding · stride_before
            stride ← stride_before · stride

        Args:
            kernel_size, stride, padding: of the layer; int or (height, width).
        """
        kernel, step = pair(kernel_size, "kernel_size"), pair(stride, "stride")
        before = pair(padding, "padding", minimum=0)
        if math.inf in self.stride:  # nothing is beside a summary of the whole image
            return self
        axes = zip(*self, kernel, step, before, strict=True)
        return Field(
            *zip(
                *((size + (k - 1) * s, s * t, start - p * s) for size, s, start, k, t, p in axes),
                strict=True,
            )
        )

    def whole_image(self) -> Field:
        """The field after a layer whose outputs lie as before, but depend on every pixel."""
        return Field(WHOLE_IMAGE.size, self.stride, WHOLE_IMAGE.start)


PIXEL = Field((1, 1), (1, 1), (0, 0))
WHOLE_IMAGE = Field((math.inf,) * 2, (math.inf,) * 2, (-math.inf,) * 2)
VARIES = Field((math.nan,) * 2, (math.nan,) * 2, (math.nan,) * 2)


def union(fields: Sequence[Field]) -> Field:
    """The field of outputs that are put together from branches.

    Raises:
        ShapeError: the branches have different strides, so that their outputs do not lie over each
            other.

    >>> union([PIXEL.window(3, padding=1), PIXEL.window((1, 5), padding=(0, 2))])
    Field(size=(3, 5), stride=(1, 1), start=(-1, -2))
    """
    if any(map(math.isnan, (size for field in fields for size in field.size))):
        return VARIES
    strides = {f.stride for f in fields if math.inf not in f.stride} or {WHOLE_IMAGE.stride}
    if len(strides) > 1:
        raise ShapeError(
            f"the branches have strides {sorted(strides)}, so their outputs do not lie over each "
            "other; give every branch the same total stride."
        )
    starts = tuple(min(field.start[axis] for field in fields) for axis in (0, 1))
    sizes = tuple(_reach(fields, axis) - starts[axis] for axis in (0, 1))
    return Field(sizes, strides.pop(), starts)


def _reach(fields: Sequence[Field], axis: int) -> float:
    """First pixel beyond all windows; where one is endless in both directions, infinite."""
    ends = (field.start[axis] + field.size[axis] for field in fields)
    return max(math.inf if math.isnan(end) else end for end in ends)
