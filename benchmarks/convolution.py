"""Convolution, forward plus backward: time and memory on the shapes of the performance goals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks import peers
from benchmarks.timing import in_random_order, interleaved, peak_bytes
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

# One image of few channels with more and more pixels: time and memory should grow like these.
LARGE = [Shape(1, 3, side, 16, 7, 2, 3) for side in (256, 512, 1024)]


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

    def pytorch(self, memory_format=torch.contiguous_format):
        """torch.nn.functional with autograd, gradients of x, w and b."""

        def tensor(array):
            t = torch.tensor(array)
            return t.to(memory_format=memory_format) if t.ndim == 4 else t

        x, w, b = (tensor(a).requires_grad_() for a in (self.x, self.w, self.b))
        dy = tensor(self.dy)

        def forward():
            x.grad = w.grad = b.grad = None
            return torch.nn.functional.conv2d(x, w, b, self.stride, self.padding)

        def backward(y):
            y.backward(dy)
            return x.grad, w.grad, b.grad

        return forward, backward

    def check(self) -> None:
        """Raise AssertionError unless all candidates find the same gradients."""
        others = (self.library(), self.textbook(), self.pytorch(torch.channels_last))
        for candidate in others:
            for got, torchs in zip(_both(*candidate)(), _both(*self.pytorch())(), strict=True):
                largest = np.abs(torchs.numpy()).max()
                np.testing.assert_allclose(got, torchs.numpy(), rtol=0, atol=1e-4 * largest)


def measure(seconds: float) -> list[dict]:
    """One record for each of SHAPES."""
    return in_random_order(SHAPES, lambda shape: _measure(Problem(shape), str(shape), seconds))


def _measure(problem: Problem, name: str, seconds: float) -> dict:
    problem.check()
    library, pytorch = _both(*problem.library()), _both(*problem.pytorch())
    # The peer of the goals is timed with nothing else in between: what a third candidate allocates
    # and frees would change what memory costs the other two.
    main = interleaved({"library": library, "pytorch": pytorch}, seconds)
    c_order = _both(*problem.library(np.ascontiguousarray))
    users = interleaved({"c_order": c_order, "pytorch": pytorch}, seconds)
    last = _both(*problem.pytorch(torch.channels_last))
    channels_last = interleaved({"library": library, "last": last}, seconds)
    textbook = _both(*problem.textbook())
    rest = interleaved({"library": library, "textbook": textbook}, seconds)
    return {
        "shape": name,
        "kernel": problem.w.shape[2],
        "library_ms": 1e3 * main.best("library"),
        "pytorch_ms": 1e3 * main.best("pytorch"),
        "to_pytorch": main.ratio("library", "pytorch"),
        "to_pytorch_median": main.median_ratio("library", "pytorch"),
        "to_pytorch_c_order": users.ratio("c_order", "pytorch"),
        "to_channels_last": channels_last.ratio("library", "last"),
        "to_textbook": rest.ratio("library", "textbook"),
        "library_mb": peak_bytes(*problem.library()) / 2**20,
        "textbook_mb": peak_bytes(*problem.textbook()) / 2**20,
    }


def measure_large(seconds: float) -> list[dict]:
    """One record for each of LARGE."""
    return in_random_order(LARGE, lambda shape: _measure_large(shape, seconds))


def _measure_large(shape: Shape, seconds: float) -> dict:
    problem = Problem(shape)
    problem.check()
    forward, backward = problem.library()
    candidates = {"library": _both(forward, backward), "pytorch": _both(*problem.pytorch())}
    times = interleaved(candidates, seconds)
    return {
        "shape": str(shape),
        "library_ms": 1e3 * times.best("library"),
        "to_pytorch": times.ratio("library", "pytorch"),
        "ns_per_pixel": 1e9 * times.best("library") / shape.side**2,
        "forward_mb": peak_bytes(lambda: None, lambda _: forward()) / 2**20,
        "results_mb": problem.dy.nbytes / 2**20,
    }


def measure_threads(seconds: float, count: int) -> list[dict]:
    """For each of SHAPES, wall-clock times of both where they may use several threads."""
    with _threads(count):
        return in_random_order(SHAPES, lambda shape: _measure_wall(shape, seconds))


def _measure_wall(shape: Shape, seconds: float) -> dict:
    problem = Problem(shape)
    candidates = {"library": _both(*problem.library()), "pytorch": _both(*problem.pytorch())}
    times = interleaved(candidates, seconds, clock=time.perf_counter)
    return {
        "shape": str(shape),
        "library_ms": 1e3 * times.best("library"),
        "pytorch_ms": 1e3 * times.best("pytorch"),
        "to_pytorch": times.ratio("library", "pytorch"),
    }


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def _both(forward, backward):
    return lambda: backward(forward())


def _normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)
