"""Batch and group normalisation, forward plus backward, beside PyTorch."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.timing import in_random_order, interleaved
from convnets import functional as F
from convnets.arrays import batch_last

BATCH, GROUP = "batch", "group"
GROUPS = 8
CASES = [
    (BATCH, (64, 32, 32, 32)),
    (BATCH, (128, 64, 16, 16)),
    (BATCH, (256, 512)),
    (GROUP, (64, 32, 32, 32)),
    (GROUP, (128, 64, 16, 16)),
]


def measure(seconds: float) -> list[dict]:
    """One record for each of CASES."""
    return in_random_order(CASES, lambda case: _measure(*case, seconds))


def _measure(kind: str, shape: tuple[int, ...], seconds: float) -> dict:
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal(shape, dtype=np.float32) for _ in range(2))
    gamma, beta = (rng.standard_normal(shape[1], dtype=np.float32) for _ in range(2))
    last = batch_last if len(shape) == 4 else np.asfortranarray
    times = interleaved(
        {
            "library": library(kind, last(x), last(dy), gamma, beta),
            "library_c_order": library(kind, x, dy, gamma, beta),
            "pytorch": pytorch(kind, x, dy, gamma, beta),
        },
        seconds,
    )
    return {
        "kind": kind,
        "shape": f"({','.join(map(str, shape))})",
        "library_ms": 1e3 * times.best("library"),
        "pytorch_ms": 1e3 * times.best("pytorch"),
        "to_pytorch": times.ratio("library", "pytorch"),
        "to_pytorch_median": times.median_ratio("library", "pytorch"),
        "to_pytorch_c_order": times.ratio("library_c_order", "pytorch"),
    }


def library(kind: str, x, dy, gamma, beta):
    """Our forward and backward pass: dx, dgamma and dbeta."""
    if kind == BATCH:
        return lambda: F.batch_norm_backward(dy, F.batch_norm(x, gamma, beta)[1])
    return lambda: F.group_norm_backward(dy, F.group_norm(x, GROUPS, gamma, beta)[1])


def pytorch(kind: str, x, dy, gamma, beta):
    """PyTorch's; batch normalisation follows running statistics, as in training."""
    leaves, grad = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)], torch.tensor(dy)
    running = torch.zeros_like(leaves[1].detach()), torch.ones_like(leaves[1].detach())

    def run():
        x, gamma, beta = leaves
        for leaf in leaves:
            leaf.grad = None
        if kind == BATCH:
            y = torch.nn.functional.batch_norm(x, *running, gamma, beta, training=True)
        else:
            y = torch.nn.functional.group_norm(x, GROUPS, gamma, beta)
        y.backward(grad)
        return [leaf.grad for leaf in leaves]

    return run
