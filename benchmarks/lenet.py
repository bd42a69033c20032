"""One epoch of a LeNet on scikit-learn's digits, beside the same network in `torch.nn`."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.timing import interleaved
from convnets import functional as F
from convnets.arrays import batch_last
from convnets.data import digits
from convnets.models import lenet
from convnets.optim import SGD

BATCH = 64
LR, MOMENTUM = 0.05, 0.9


def measure(seconds: float) -> dict:
    """Both networks start anew in each round and see the same mini-batches in the same order."""
    data = digits()
    order = np.random.default_rng(0).permutation(len(data))
    parts = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    batches = [(data.images[p], data.labels[p]) for p in parts]
    tensors = [(torch.tensor(x), torch.tensor(labels)) for x, labels in batches]
    times = interleaved(
        {"library": lambda: _library(batches), "pytorch": lambda: _pytorch(tensors)}, seconds
    )
    return {
        "library_ms": 1e3 * times.best("library"),
        "pytorch_ms": 1e3 * times.best("pytorch"),
        "to_pytorch": times.ratio("library", "pytorch"),
        "to_pytorch_median": times.median_ratio("library", "pytorch"),
    }


def _library(batches):
    model = lenet(1, 10, size=8, rng=0)
    optimizer = SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    for x, labels in batches:
        _, cache = F.softmax_cross_entropy(model(batch_last(x)), labels)
        model.backward_parameters(F.softmax_cross_entropy_backward(1.0, cache))
        optimizer.step()


def _pytorch(batches):
    torch.manual_seed(0)
    model = torch_lenet()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    for x, labels in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()


def torch_lenet() -> nn.Sequential:
    """`convnets.models.lenet(1, 10, size=8)` in PyTorch, read off its layers."""
    return nn.Sequential(*(_torch_layer(layer) for layer in lenet(1, 10, size=8, rng=0).layers))


def _torch_layer(layer):
    kind = type(layer).__name__
    if kind == "Conv2d":
        f, c, *kernel = layer.weight.data.shape
        return nn.Conv2d(c, f, kernel, padding=layer.padding)
    if kind == "Linear":
        outputs, inputs = layer.weight.data.shape
        return nn.Linear(inputs, outputs)
    return nn.MaxPool2d(2) if kind == "MaxPool2d" else getattr(nn, kind)()
