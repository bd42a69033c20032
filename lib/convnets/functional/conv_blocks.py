"""What convolutions of images that lie batch last work on at a time.

Images are rows of pixels, (H, C, W, N). A block is a number of output rows with all that is made
for them, few enough to stay in a core's cache until it is used up.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from convnets.arrays import is_torch

# Numbers in a block. Half as many cost some 5 % more, twice as many gain nothing.
BLOCK = 2**19


class Span(NamedTuple):
    """For a tap of the kernel's width: the outputs whose input lies in the image, those inputs."""

    tap: int
    outputs: slice
    inputs: slice


class Rows(NamedTuple):
    """Outputs start..stop, under whose taps lo..hi lie image rows; `first` is that of start, lo."""

    start: int
    stop: int
    lo: int
    hi: int
    first: int


def rows_at_once(image, count, numbers):
    """How many of `count` rows make a block, `numbers` being used for each; all on a GPU."""
    return min(count, max(1, BLOCK // max(1, numbers))) if on_cpu(image) else count


def on_cpu(image):
    """Whether the image lies in the memory of the processor that runs this."""
    return str(image.device) == "cpu"


@lru_cache
def rows_of_blocks(count, size, taps, step, above, most) -> tuple[Rows, ...]:
    """Blocks of at most `most` output rows that see the same taps in an image of `size` rows."""

    def reach(i):
        top = i * step - above
        lo = min(max(0, -top), taps)
        return lo, max(lo, min(taps, size - top))

    blocks = []
    for (lo, hi), alike in groupby(range(count), reach):
        alike = list(alike)
        for start in alike[::most]:
            first = start * step - above + lo if lo < hi else 0
            blocks.append(Rows(start, min(start + most, alike[-1] + 1), lo, hi, first))
    return tuple(blocks)


@lru_cache
def spans(kw, size, count, stride, before) -> tuple[Span, ...]:
    """One Span for each tap of the kernel's width, the widest first."""
    found = []
    for tap in range(kw):
        offset = tap - before
        start = max(0, -(offset // stride))
        stop = min(count, (size - 1 - offset) // stride + 1)
        begin, end = start * stride + offset, (stop - 1) * stride + offset + 1
        seen = stop > start
        outputs = slice(start, stop, 1) if seen else slice(0, 0, 1)
        found.append(Span(tap, outputs, slice(begin, end, stride) if seen else slice(0, 0, 1)))
    return tuple(sorted(found, key=lambda s: s.outputs.start - s.outputs.stop))


def windows(x, rows: Rows, step, columns):
    """View the rows under each output row as a matrix: (R, taps·C, columns·N), overlapping.

    Args:
        x: (H, C, W, N), contiguous.
        step: image rows from one output row to the next.
        columns: slice of W, of neighbours.
    """
    count, taps = rows.stop - rows.start, rows.hi - rows.lo
    _, c, w, n = x.shape
    shape = (count, taps * c, (columns.stop - columns.start) * n)
    strides = (step * c * w * n, w * n, 1)
    offset = (rows.first * c * w + columns.start) * n
    if is_torch(x):
        return x.as_strided(shape, strides, x.storage_offset() + offset)
    # Unlike as_strided, this checks that the view stays inside the array.
    size = x.itemsize
    return np.ndarray(shape, x.dtype, x, offset * size, [s * size for s in strides])
