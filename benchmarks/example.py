"""One epoch of the course's net of six convolutions on images of CIFAR's size, beside PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.timing import interleaved
from convnets import functional as F
from convnets.arrays import batch_last
from convnets.layers import BatchNorm2d
from convnets.models import example_net
from convnets.optim import SGD

IMAGES, BATCH = 512, 64
LR, MOMENTUM = 0.05, 0.9


def measure(seconds: float) -> list[dict]:
    """Without and with batch normalisation; time does not depend on what the images show."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((IMAGES, 3, 32, 32), dtype=np.float32)
    labels = rng.integers(10, size=IMAGES)
    parts = [slice(i, i + BATCH) for i in range(0, IMAGES, BATCH)]
    batches = [(images[p], labels[p]) for p in parts]
    return [_measure(norm, batches, seconds) for norm in (False, True)]


def _measure(norm: bool, batches, seconds: float) -> dict:
    tensors = [(torch.tensor(x), torch.tensor(labels)) for x, labels in batches]
    times = interleaved(
        {"library": lambda: _library(norm, batches), "pytorch": lambda: _pytorch(norm, tensors)},
        seconds,
    )
    return {
        "norm": norm,
        "library_ms": 1e3 * times.best("library"),
        "pytorch_ms": 1e3 * times.best("pytorch"),
        "to_pytorch": times.ratio("library", "pytorch"),
        "to_pytorch_median": times.median_ratio("library", "pytorch"),
    }


def _library(norm: bool, batches):
    model = example_net(norm=BatchNorm2d if norm else None, rng=0)
    optimizer = SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    for x, labels in batches:
        _, cache = F.softmax_cross_entropy(model(batch_last(x)), labels)
        model.backward_parameters(F.softmax_cross_entropy_backward(1.0, cache))
        optimizer.step()


def _pytorch(norm: bool, batches):
    torch.manual_seed(0)
    model = torch_net(norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    for x, labels in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()


def torch_net(norm: bool) -> nn.Sequential:
    """`convnets.models.example_net` in PyTorch."""
    layers, inputs = [], 3
    for _ in range(3):
        for _ in range(2):
            layers.append(nn.Conv2d(inputs, 10, 3, padding=1))
            layers += [nn.BatchNorm2d(10)] if norm else []
            layers.append(nn.ReLU())
            inputs = 10
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(160, 10))
