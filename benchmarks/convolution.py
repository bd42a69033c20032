"""Convolution, forward plus backward: time and memory on the shapes of the performance goals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from benchmarks import peers
from benchmarks.timing import interleaved, peak_bytes
from convnets import functional as F
from convnets.arrays import batch_last


class Shape(NamedTuple):
    """A convolution of square images with square kernels."""

    n: int
    c: int
    side: int
    f: int
    kernel: int
    stride: int
    padding: int

    def __str__(self) -> str:
        image = f"({self.n},{self.c},{self.side},{self.side}"
        return f"{image}→{self.f},{self.kernel},{self.stride},{self.padding})"


SHAPES = [
    Shape(64, 1, 28, 16, 5, 1, 2),
    Shape(64, 3, 32, 32, 3, 1, 1),
    Shape(64, 32, 32, 32, 3, 1, 1),
    Shape(64, 64, 16, 128, 3, 2, 1),
    Shape(32, 128, 8, 128, 3, 1, 1),
    Shape(64, 64, 16, 256, 1, 1, 0),
    Shape(32, 3, 64, 64, 7, 2, 3),
    Shape(128, 1, 8, 16, 3, 1, 1),
    Shape(64, 16, 14, 32, 5, 1, 2),
]


class Problem:
    """Seeded float32 inputs of one shape, and the candidates that work on them."""

    def __init__(self, shape: Shape):
        rng = np.random.default_rng(0)
        self.stride, self.padding = shape.stride, shape.padding
        self.x = _normal(rng, shape.n, shape.c, shape.side, shape.side)
        self.w = _normal(rng, shape.f, shape.c, shape.kernel, shape.kernel)
        self.b = _normal(rng, shape.f)
        y, _ = F.conv2d(self.x, self.w, self.b, self.stride, self.padding)
        self.dy = _normal(rng, *y.shape)

    def library(self, lie=batch_last):
        """Ours: forward and backward, on images that `lie` puts into a memory layout."""
        x, dy = lie(self.x), lie(self.dy)

        def forward():
            return F.conv2d(x, self.w, self.b, self.stride, self.padding)[1]

        return forward, lambda cache: F.conv2d_backward(dy, cache)

    def textbook(self):
        """The peer of `benchmarks.peers`."""

        def forward():
            return peers.conv2d(self.x, self.w, self.b, self.stride, self.padding)[1]

        return forward, lambda cache: peers.conv2d_backward(self.dy, cache)

    def pytorch(self):
        """torch.nn.functional with autograd, on NCHW tensors, gradients of x, w and b."""
        x, w, b = (torch.tensor(a, requires_grad=True) for a in (self.x, self.w, self.b))
        dy = torch.tensor(self.dy)

        def forward():
            x.grad = w.grad = b.grad = None
            return torch.nn.functional.conv2d(x, w, b, self.stride, self.padding)

        def backward(y):
            y.backward(dy)
            return x.grad, w.grad, b.grad

        return forward, backward

    def check(self) -> None:
        """Raise AssertionError unless all candidates find the same gradients."""
        for got in (_both(*self.library())(), _both(*self.textbook())()):
            for ours, torchs in zip(got, _both(*self.pytorch())(), strict=True):
                largest = np.abs(torchs.numpy()).max()
                np.testing.assert_allclose(ours, torchs.numpy(), rtol=0, atol=1e-4 * largest)


def measure(seconds: float) -> list[dict]:
    """One record for each of SHAPES."""
    return [_measure(shape, seconds) for shape in SHAPES]


def _measure(shape: Shape, seconds: float) -> dict:
    problem = Problem(shape)
    problem.check()
    library = _both(*problem.library())
    # The peer of the goals is timed with nothing else in between: what a third candidate allocates
    # and frees would change what memory costs the other two.
    main = interleaved({"library": library, "pytorch": _both(*problem.pytorch())}, seconds)
    rest = interleaved(
        {
            "library": library,
            "c_order": _both(*problem.library(np.ascontiguousarray)),
            "textbook": _both(*problem.textbook()),
        },
        seconds,
    )
    to_pytorch = main.ratio("library", "pytorch")
    return {
        "shape": str(shape),
        "kernel": shape.kernel,
        "library_ms": 1e3 * main.best("library"),
        "pytorch_ms": 1e3 * main.best("pytorch"),
        "to_pytorch": to_pytorch,
        "to_pytorch_median": main.median_ratio("library", "pytorch"),
        "to_pytorch_c_order": to_pytorch * rest.ratio("c_order", "library"),
        "to_textbook": rest.ratio("library", "textbook"),
        "library_mb": peak_bytes(*problem.library()) / 2**20,
        "textbook_mb": peak_bytes(*problem.textbook()) / 2**20,
    }


def _both(forward, backward):
    return lambda: backward(forward())


def _normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)
