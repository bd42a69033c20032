"""Training from five seeds at once, beside training from one."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.timing import interleaved
from convnets import layers
from convnets.data import digits
from convnets.models import lenet
from convnets.optim import SGD
from convnets.train import fit, fit_many

SEEDS = range(5)
EPOCHS, BATCH = 2, 32
BOTH = "batch normalisation and dropout"


def measure(seconds: float) -> list[dict]:
    """One record for each of NETWORKS, trained on scikit-learn's digits."""
    return [_measure(name, make, seconds) for name, make in NETWORKS.items()]


def _measure(name: str, make, seconds: float) -> dict:
    data = digits()[:640]
    options = {"epochs": EPOCHS, "batch_size": BATCH, "progress": False}

    def one():
        torch.manual_seed(0)
        model = make(0)
        fit(model, _optimizer(model), data, rng=0, **options)

    def many():
        fit_many(make, _optimizer, data, seeds=SEEDS, **options)

    times = interleaved({"one": one, "five": many}, seconds)
    return {
        "network": name,
        "one_ms": 1e3 * times.best("one"),
        "five_ms": 1e3 * times.best("five"),
        "five_to_one": times.ratio("five", "one"),
        "five_to_one_median": times.median_ratio("five", "one"),
    }


def _optimizer(model):
    return SGD(model.parameters(), lr=0.05, momentum=0.9)


def _convolutional(seed):
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 10),
    )  # fmt: skip


def _connected(seed):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(64, 10),
    )  # fmt: skip


def _own_connected(seed):
    rng = np.random.default_rng(seed)
    return layers.Sequential(
        layers.Flatten(), layers.Linear(64, 64, rng=rng), layers.ReLU(),
        layers.Linear(64, 10, rng=rng),
    )  # fmt: skip


NETWORKS = {
    f"torch.nn, a convolution with {BOTH}": _convolutional,
    f"torch.nn, two linear layers with {BOTH}": _connected,
    "the course's layers, two linear layers": _own_connected,
    "the course's layers, LeNet": lambda seed: lenet(size=8, rng=seed),
}
