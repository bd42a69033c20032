"""Where does dropout help a small convolutional network, with right and with wrong labels?

Convolution 12, pooling, convolution 24, pooling, 128 units, 10 classes, on 600 glyphs; keep_prob
0.5 after the hidden fully connected layer, after both convolutions, or for whole maps of both. Of
the training labels none or 15 % are wrong; validation and test labels are right. Each seed draws
everything anew. Adam; the rate is to be chosen by the mean error on validation images.
"""

from functools import cache

import numpy as np

from convnets import data
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

PLACES = ("nowhere", "fully connected", "convolutions", "maps")
SETTINGS = [
    {"wrong": wrong, "place": place, "lr": lr, "seed": seed}
    for seed in range(8)
    for wrong, places in ((15, PLACES), (0, PLACES[:3]))
    for place in places
    for lr in (0.002, 0.005)
] + [  # until the best rate has a worse one on either side
    {"wrong": wrong, "place": place, "lr": lr, "seed": seed}
    for seed in range(8)
    for wrong, place, lr in (
        *((15, "nowhere", lr) for lr in (0.001, 0.0005, 0.00025)),
        (15, "fully connected", 0.001),
        *((15, "convolutions", 0.01), (15, "maps", 0.01)),
        *((0, "nowhere", 0.01), (0, "fully connected", 0.001), (0, "convolutions", 0.01)),
    )
]


@cache
def images(seed, wrong):
    """600 to train, some of them with another label; 1000 to validate, 1000 to test."""
    drawn = data.glyphs(2600, size=14, noise=0.15, seed=seed)
    train, rng = drawn[:600], generator([seed, 7])
    labels, chosen = train.labels.copy(), rng.permutation(600)[: 6 * wrong]
    labels[chosen] = (labels[chosen] + rng.integers(1, 10, len(chosen))) % 10
    return data.Dataset(train.images, labels, train.classes), drawn[600:1600], drawn[1600:]


def network(place, seed):
    """A network of torch.nn, whose layers are the course's but faster here."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    convolutions = {"convolutions": nn.Dropout, "maps": nn.Dropout2d}.get(place, nn.Identity)
    connected = nn.Dropout if place == "fully connected" else nn.Identity
    model = nn.Sequential(
        *(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), convolutions(0.5), nn.MaxPool2d(2)),
        *(nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), convolutions(0.5), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(216, 128), nn.ReLU(), connected(0.5), nn.Linear(128, 10)),
    )
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
    return model


def run(wrong, place, lr, seed):
    """Errors in % after 30 epochs; those of a guess where it diverges."""
    import torch

    train, validation, test = images(seed, wrong)
    model = network(place, seed)
    adam = torch.optim.Adam(model.parameters(), lr=lr)
    try:
        fit(model, adam, train, epochs=30, batch_size=50, rng=seed, progress=False)
    except DivergenceError:
        return {"train": 90.0, "validation": 90.0, "test": 90.0}
    parts = {"train": train, "validation": validation, "test": test}
    return {k: float(100 * (1 - np.float64(evaluate(model, v).accuracy))) for k, v in parts.items()}
