"""How small may the batches be that statistics are taken over, and does the plain network care?

The number of examples seen is the same for all; each variant has the best of several rates for each
batch size, chosen on validation images.
"""

from functools import cache

from convnets import data
from convnets.layers import BatchNorm1d, Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.train import DivergenceError, evaluate, fit

SETTINGS = [
    {"norm": norm, "batch_size": size, "lr": lr, "seed": seed}
    for rates, norms, sizes in (
        ((0.01, 0.03, 0.1, 0.3), (False, True), (64, 32, 16, 8, 4, 2)),
        ((1.0,), (True,), (64, 32, 16, 8)),
        ((3.0,), (True,), (64,)),
    )
    for size in sizes
    for lr in rates
    for norm in norms
    for seed in range(10)
]


@cache
def images(seed):
    """960 to train, 1000 to validate, 1000 to test."""
    drawn = data.glyphs(2960, size=14, noise=0.1, seed=seed)
    return drawn[:960], drawn[960:1960], drawn[1960:]


def network(norm, seed, depth=3, width=100):
    """196 → 100 → … → 10."""
    parts, before = [Flatten()], 196
    for i in range(depth):
        parts.append(Linear(before, width, rng=[seed, i]))
        parts += [BatchNorm1d(width), ReLU()] if norm else [ReLU()]
        before = width
    return Sequential(*parts, Linear(width, 10, rng=[seed, depth]))


def run(norm, batch_size, lr, seed):
    """Accuracies in % after four epochs; that of a guess where the training diverges."""
    train, validation, test = images(seed)
    model = network(norm, seed)
    options = {"epochs": 4, "batch_size": batch_size, "rng": seed, "progress": False}
    try:
        fit(model, SGD(model.parameters(), lr=lr), train, **options)
    except DivergenceError:
        return {"validation": 10.0, "test": 10.0}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
