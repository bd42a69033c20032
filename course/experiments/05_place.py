"""Batch normalisation before or after the non-linearity?

Each variant is trained at four rates, the best of which is chosen on validation images.
"""

from functools import cache

from convnets import data
from convnets.layers import BatchNorm1d, Flatten, Linear, ReLU, Sequential, Sigmoid
from convnets.optim import SGD
from convnets.train import DivergenceError, evaluate, fit

SETTINGS = [
    {"activation": activation, "place": place, "lr": lr, "seed": seed}
    for lr in (0.1, 0.3, 1.0, 3.0)
    for activation in ("ReLU", "sigmoid")
    for place in ("before", "after")
    for seed in range(20)
] + [
    {"activation": "sigmoid", "place": place, "lr": lr, "seed": seed}
    for place, lr in (("before", 10.0), ("after", 2.0))
    for seed in range(20)
]


@cache
def images(seed):
    """1000 to train, 1000 to validate, 1000 to test."""
    drawn = data.glyphs(3000, size=14, noise=0.1, seed=seed)
    return drawn[:1000], drawn[1000:2000], drawn[2000:]


def network(activation, place, seed, depth=3, width=100):
    """196 → 100 → … → 10."""
    parts, before = [Flatten()], 196
    for i in range(depth):
        parts.append(Linear(before, width, rng=[seed, i]))
        pair = [BatchNorm1d(width), {"ReLU": ReLU, "sigmoid": Sigmoid}[activation]()]
        parts += pair if place == "before" else reversed(pair)
        before = width
    return Sequential(*parts, Linear(width, 10, rng=[seed, depth]))


def run(activation, place, lr, seed):
    """Accuracies in % after 200 steps; that of a guess where the training diverges."""
    train, validation, test = images(seed)
    model = network(activation, place, seed)
    options = {"epochs": 10, "batch_size": 50, "rng": seed, "progress": False}
    try:
        fit(model, SGD(model.parameters(), lr=lr), train, **options)
    except DivergenceError:
        return {"validation": 10.0, "test": 10.0}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
