"""How much does the scale of the initial weights matter, with and without batch normalisation?

All weights of He's initialisation are multiplied by one number. Each variant is trained at several
rates, the best of which is chosen on validation images, for each scale by itself.
"""

from functools import cache

from convnets import data
from convnets.layers import BatchNorm1d, Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.train import DivergenceError, evaluate, fit

SETTINGS = [
    {"norm": norm, "scale": scale, "lr": lr, "seed": seed}
    for lr in (0.003, 0.03, 0.3)
    for norm in (False, True)
    for scale in (0.1, 0.3, 1.0, 3.0, 10.0)
    for seed in range(10)
] + [
    {"norm": norm, "scale": scale, "lr": lr, "seed": seed}
    for norm, scale, rates in (  # where the best of those is the lowest or the highest; between
        (False, 3.0, (0.001, 0.01)),
        (True, 10.0, (1.0, 3.0)),
        (True, 0.1, (0.001,)),
        (False, 1.0, (0.1,)),
        (True, 1.0, (0.1, 1.0)),
        (False, 10.0, (1e-5, 1e-6)),
        (False, 0.3, (1.0, 3.0)),
        (False, 0.1, (1.0, 3.0)),
        (True, 3.0, (1.0, 3.0)),
        (False, 3.0, (0.0003,)),
        (False, 10.0, (1e-4, 3e-5)),
        (False, 0.3, (10.0,)),
        (False, 0.1, (10.0,)),
        (True, 0.3, (0.01, 0.1)),
        (True, 0.1, (0.01,)),
    )
    for lr in rates
    for seed in range(10)
]


@cache
def images(seed):
    """2000 to train, 500 to validate, 500 to test."""
    return data.split(data.glyphs(3000, size=14, seed=seed), (4 / 6, 1 / 6, 1 / 6), seed)


def network(norm, scale, seed, depth=5, width=100):
    """196 → 100 → … → 10, normalised before each ReLU or not."""
    parts, before = [Flatten()], 196
    for i in range(depth + 1):
        linear = Linear(before, width if i < depth else 10, rng=[seed, i])
        linear.weight.data = scale * linear.weight.data
        parts.append(linear)
        if i < depth:
            parts += [BatchNorm1d(width), ReLU()] if norm else [ReLU()]
        before = width
    return Sequential(*parts)


def run(norm, scale, lr, seed):
    """Accuracies in % after 272 steps; that of a guess where the training diverges."""
    train, validation, test = images(seed)
    model = network(norm, scale, seed)
    options = {"epochs": 8, "batch_size": 60, "rng": seed, "progress": False}
    try:
        fit(model, SGD(model.parameters(), lr=lr), train, **options)
    except DivergenceError:
        return {"validation": 10.0, "test": 10.0}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
