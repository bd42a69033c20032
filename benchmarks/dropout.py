"""Inverted dropout, forward plus backward, beside PyTorch: mostly the drawing of the mask."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.timing import in_random_order, interleaved
from convnets import functional as F
from convnets.arrays import batch_last

SHAPES = [(64, 32, 32, 32), (256, 512)]
KEEP_PROB = 0.5


def measure(seconds: float) -> list[dict]:
    """One record for each of SHAPES."""
    return in_random_order(SHAPES, lambda shape: _measure(shape, seconds))


def _measure(shape: tuple[int, ...], seconds: float) -> dict:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape, dtype=np.float32)
    dy = rng.standard_normal(shape, dtype=np.float32)

    def library(lie):
        image, grad = lie(x), lie(dy)
        return lambda: F.dropout_backward(grad, F.dropout(image, KEEP_PROB, rng)[1])

    leaf, grad = torch.tensor(x, requires_grad=True), torch.tensor(dy)

    def pytorch():
        leaf.grad = None
        torch.nn.functional.dropout(leaf, 1 - KEEP_PROB).backward(grad)

    times = interleaved(
        {
            "library": library(batch_last if len(shape) == 4 else np.ascontiguousarray),
            "library_c_order": library(np.ascontiguousarray),
            "pytorch": pytorch,
        },
        seconds,
    )
    return {
        "shape": f"({','.join(map(str, shape))})",
        "library_ms": 1e3 * times.best("library"),
        "pytorch_ms": 1e3 * times.best("pytorch"),
        "to_pytorch": times.ratio("library", "pytorch"),
        "to_pytorch_median": times.median_ratio("library", "pytorch"),
        "to_pytorch_c_order": times.ratio("library_c_order", "pytorch"),
    }
