"""Where the windows of a pooling lie: the geometry that maximum and mean share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from convnets.shapes import ShapeError, expect_axes, output_shape, pair

# Elements of the output worked on at a time: a block and its scratch arrays stay in a core's cache.
BLOCK = 2**15

# Which of some windows, and along the same axis which pixels.
Match = tuple[slice, slice]


class Step(NamedTuple):
    """One tap along one axis: the windows that have it inside the image, and the pixels there.

    Attributes:
        tap: its number, from 0.
        first: for windows of which this is the first tap inside the image; None if there are none.
        later: for windows that had a tap before; None if there are none.
    """

    tap: int
    first: Match | None
    later: Match | None


@dataclass(frozen=True)
class Windows:
    """Windows over images (N, C, H, W), whose rows (H, C, W, N) are walked tap by tap.

    A tap is one place of the window. For all windows at once it is a strided slice of the image,
    made of long runs where the batch is innermost in memory. Padding is never made, only left out.

    Attributes:
        image: (N, C, H, W) of the input.
        output: (N, C, HO, WO), one window for each place.
        kernel, stride, padding: (height, width), in pixels.
    """

    image: tuple[int, int, int, int]
    output: tuple[int, int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @classmethod
    def over(cls, x, kernel_size, stride, padding) -> Windows:
        """Check the arguments of a pooling function and work out the output's shape.

        Raises:
            ShapeError: a window does not fit, or an argument is out of its range.
        """
        expect_axes(x, "x", "N, C, H, W")
        kernel = pair(kernel_size, "kernel_size")
        stride = kernel if stride is None else pair(stride, "stride")
        return _windows(tuple(x.shape), kernel, stride, pair(padding, "padding", minimum=0))

    @property
    def image_rows(self) -> tuple[int, int, int, int]:
        """(H, C, W, N)."""
        return _as_rows(self.image)

    @property
    def output_rows(self) -> tuple[int, int, int, int]:
        """(HO, C, WO, N)."""
        return _as_rows(self.output)

    @property
    def overlap(self) -> bool:
        """Whether a pixel can lie in several windows."""
        return self.stride[0] < self.kernel[0] or self.stride[1] < self.kernel[1]

    def blocks(self, device) -> tuple[slice, ...]:
        """Output rows to work on at a time: few on a CPU, for its cache; all on a GPU."""
        ho, c, wo, n = self.output_rows
        on_cpu = str(device) == "cpu"
        return _blocks(ho, max(1, BLOCK // max(1, c * wo * n)) if on_cpu else max(1, ho))

    def taps(self, block: slice):
        """For each tap in row-major order: its number and two (H, C, W, N) indices.

        The first index selects, within the block of output rows, the windows whose tap lies inside
        the image; the second the pixels there.
        """
        return _taps(self, block.start, block.stop)

    def image_block(self, block: slice) -> slice:
        """The image rows under a block of output rows."""
        step, padding = self.stride[0], self.padding[0]
        return slice(
            max(0, block.start * step - padding),
            min(self.image[2], (block.stop - 1) * step - padding + self.kernel[0]),
        )

    def down(self, block: slice) -> tuple[Step, ...]:
        """The steps along the height, within a block of output rows and its `image_block`."""
        return _steps(self, 0, block.start, block.stop, self.image_block(block).start)

    def across(self) -> tuple[Step, ...]:
        """The steps along the width."""
        return _steps(self, 1, 0, self.output[3], 0)

    def pixel_counts(self, xp, like):
        """(HO, 1, WO, 1): number of pixels of the image in each window, in the dtype of `like`."""
        high, wide = (
            np.minimum(start + kernel, size) - np.maximum(start, 0)
            for start, kernel, size in zip(
                (self._starts(0), self._starts(1)), self.kernel, self.image[2:], strict=True
            )
        )
        counts = high[:, None, None, None] * wide[:, None]
        return xp.asarray(counts, dtype=like.dtype, device=like.device)

    def _starts(self, axis: int) -> np.ndarray:
        return np.arange(self.output[2 + axis]) * self.stride[axis] - self.padding[axis]

    def _reach(self, tap: int, axis: int, start: int, stop: int) -> tuple[int, int]:
        """Along height (0) or width (1): which of the windows start..stop have this tap inside."""
        step, offset = self.stride[axis], tap - self.padding[axis]
        first = max(start, -(offset // step))
        last = min(stop - 1, (self.image[2 + axis] - 1 - offset) // step)
        return first, max(first, last + 1)

    def _match(self, tap: int, axis: int, outputs: range, window: int, pixel: int) -> Match | None:
        """Those windows and their pixels, counted from a first window and a first pixel."""
        if not outputs:
            return None
        step = self.stride[axis]
        begin = outputs.start * step + tap - self.padding[axis] - pixel
        end = begin + (len(outputs) - 1) * step + 1
        return slice(outputs.start - window, outputs.stop - window), slice(begin, end, step)


def expect_pixels(kernel, padding) -> None:
    """Raise ShapeError unless each window, both (height, width), holds a pixel of the image."""
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ShapeError(
            f"padding must be at most half the kernel size, but padding is {padding} and "
            f"kernel_size is {kernel}: a window could hold nothing but padding."
        )


@lru_cache
def _windows(image, kernel, stride, padding) -> Windows:
    expect_pixels(kernel, padding)
    output = (*image[:2], *output_shape(image[2:], kernel, stride, padding))
    return Windows(image, output, kernel, stride, padding)


@lru_cache
def _blocks(count: int, step: int) -> tuple[slice, ...]:
    return tuple(slice(start, min(start + step, count)) for start in range(0, count, step))


@lru_cache(maxsize=1024)  # one entry for each block
def _taps(windows: Windows, start: int, stop: int):
    taps = []
    for p in range(windows.kernel[0]):
        high = windows._match(p, 0, range(*windows._reach(p, 0, start, stop)), start, 0)
        for q in range(windows.kernel[1]):
            wide = windows._match(q, 1, range(*windows._reach(q, 1, 0, windows.output[3])), 0, 0)
            if high and wide:
                outputs, inputs = ((h, slice(None), w) for h, w in zip(high, wide, strict=True))
                taps.append((p * windows.kernel[1] + q, outputs, inputs))
    return tuple(taps)


@lru_cache(maxsize=1024)
def _steps(windows: Windows, axis: int, start: int, stop: int, pixel: int) -> tuple[Step, ...]:
    steps, reached = [], stop
    for tap in range(windows.kernel[axis]):
        begin, end = windows._reach(tap, axis, start, stop)
        # A window further up or left meets the image with a later tap: those from `reached` did.
        parts = range(begin, min(reached, end)), range(max(begin, reached), end)
        steps.append(Step(tap, *(windows._match(tap, axis, p, start, pixel) for p in parts)))
        reached = min(reached, begin)
    return tuple(steps)


def _as_rows(shape):
    n, c, h, w = shape
    return h, c, w, n
