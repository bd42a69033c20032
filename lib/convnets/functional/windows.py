"""Where the windows of a pooling lie: the geometry that maximum and mean share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from convnets.shapes import ShapeError, expect_axes, output_shape, pair

# Elements of the output worked on at a time: a block and its scratch arrays stay in a core's cache.
BLOCK = 2**16


@dataclass(frozen=True)
class Windows:
    """Windows over images (N, C, H, W), whose rows (H, C, W, N) are walked tap by tap.

    A tap is one place of the window. For all windows at once it is a strided slice of the image,
    made of long runs where the batch is innermost in memory.

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
        n, c, h, w = x.shape
        kernel = pair(kernel_size, "kernel_size")
        stride = kernel if stride is None else pair(stride, "stride")
        padding = pair(padding, "padding", minimum=0)
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            raise ShapeError(
                f"padding must be at most half the kernel size, but padding is {padding} and "
                f"kernel_size is {kernel}: a window could hold nothing but padding."
            )
        output = (n, c, *output_shape((h, w), kernel, stride, padding))
        return cls((n, c, h, w), output, kernel, stride, padding)

    @property
    def image_rows(self) -> tuple[int, int, int, int]:
        """(H, C, W, N)."""
        return _as_rows(self.image)

    @property
    def output_rows(self) -> tuple[int, int, int, int]:
        """(HO, C, WO, N)."""
        return _as_rows(self.output)

    def blocks(self, device) -> Iterator[slice]:
        """Output rows to work on at a time: few on a CPU, for its cache; all on a GPU."""
        ho, c, wo, n = self.output_rows
        on_cpu = str(device) == "cpu"
        step = max(1, BLOCK // max(1, c * wo * n)) if on_cpu else max(1, ho)
        return (slice(start, min(start + step, ho)) for start in range(0, ho, step))

    def taps(self, block: slice):
        """For each tap in row-major order: its number and two (H, C, W, N) indices.

        The first index selects, within the block of output rows, the windows whose tap lies inside
        the image; the second the pixels there. Padding is thus never made, only left out.
        """
        for p in range(self.kernel[0]):
            high = self._reach(p, 0, block.start, block.stop)
            for q in range(self.kernel[1]):
                wide = self._reach(q, 1, 0, self.output[3])
                if high and wide:
                    outputs, inputs = ((h, slice(None), w) for h, w in zip(high, wide, strict=True))
                    yield p * self.kernel[1] + q, outputs, inputs

    def _reach(self, tap: int, axis: int, start: int, stop: int) -> tuple[slice, slice] | None:
        """Along height (0) or width (1): which of the windows start..stop have this tap inside."""
        step, offset = self.stride[axis], tap - self.padding[axis]
        first = max(start, -(offset // step))
        last = min(stop - 1, (self.image[2 + axis] - 1 - offset) // step)
        if last < first:
            return None
        begin, end = first * step + offset, last * step + offset
        return slice(first - start, last - start + 1), slice(begin, end + 1, step)

    def first_taps(self, xp, device):
        """(HO, C, WO, N) whole numbers: the first tap of each window that lies inside the image."""
        dtype = xp.uint8 if self.kernel[0] * self.kernel[1] <= 256 else xp.int32
        high, wide = (np.maximum(0, -self._starts(axis)) for axis in (0, 1))
        taps = xp.asarray(_outer(high * self.kernel[1], wide, np.add), dtype=dtype, device=device)
        return taps + xp.zeros(self.output_rows, dtype=dtype, device=device)

    def pixel_counts(self, xp, like):
        """(HO, 1, WO, 1): number of pixels of the image in each window, in the dtype of `like`."""
        high, wide = (
            np.minimum(start + kernel, size) - np.maximum(start, 0)
            for start, kernel, size in zip(
                (self._starts(0), self._starts(1)), self.kernel, self.image[2:], strict=True
            )
        )
        return xp.asarray(_outer(high, wide, np.multiply), dtype=like.dtype, device=like.device)

    def _starts(self, axis: int) -> np.ndarray:
        return np.arange(self.output[2 + axis]) * self.stride[axis] - self.padding[axis]


def _as_rows(shape):
    n, c, h, w = shape
    return h, c, w, n


def _outer(high, wide, combine) -> np.ndarray:
    return combine(high[:, None, None, None], wide[:, None])
