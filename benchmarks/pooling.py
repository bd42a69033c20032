"""Maximum and average pooling, forward plus backward, beside PyTorch."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.timing import in_random_order, interleaved
from convnets import functional as F
from convnets.arrays import batch_last

# N, C, side, kernel size, stride, padding
SHAPES = [
    (64, 16, 28, 2, 2, 0),
    (64, 32, 32, 2, 2, 0),
    (64, 64, 16, 3, 2, 1),
    (32, 64, 32, 3, 2, 0),
    (128, 16, 8, 2, 2, 0),
]
KINDS = {
    "maximum": (F.max_pool2d, F.max_pool2d_backward, torch.nn.functional.max_pool2d),
    "average": (F.avg_pool2d, F.avg_pool2d_backward, torch.nn.functional.avg_pool2d),
}


def measure(seconds: float) -> list[dict]:
    """One record for each kind of pooling and each of SHAPES."""
    cases = [(kind, *shape) for kind in KINDS for shape in SHAPES]
    return in_random_order(cases, lambda case: _measure(*case, seconds))


def _measure(kind, n, c, side, kernel, stride, padding, seconds) -> dict:
    forward, backward, torch_forward = KINDS[kind]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, side, side), dtype=np.float32)
    y, _ = forward(x, kernel, stride, padding)
    dy = rng.standard_normal(y.shape, dtype=np.float32)

    def library(lie):
        image, grad = lie(x), lie(dy)
        return lambda: backward(grad, forward(image, kernel, stride, padding)[1])

    leaf, grad = torch.tensor(x, requires_grad=True), torch.tensor(dy)

    def pytorch():
        leaf.grad = None
        torch_forward(leaf, kernel, stride, padding).backward(grad)

    times = interleaved(
        {
            "library": library(batch_last),
            "library_c_order": library(np.ascontiguousarray),
            "pytorch": pytorch,
        },
        seconds,
    )
    return {
        "kind": kind,
        "shape": f"({n},{c},{side},{side}→{kernel},{stride},{padding})",
        "library_ms": 1e3 * times.best("library"),
        "pytorch_ms": 1e3 * times.best("pytorch"),
        "to_pytorch": times.ratio("library", "pytorch"),
        "to_pytorch_median": times.median_ratio("library", "pytorch"),
        "to_pytorch_c_order": times.ratio("library_c_order", "pytorch"),
    }
