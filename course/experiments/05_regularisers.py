"""Can dropout go, and may the weight penalty shrink, where there is batch normalisation?

Few images with noise. With and without normalisation: what does dropout after each hidden layer
add, and what a penalty, each variant at the best of two rates on validation images?
"""

from functools import cache

from convnets import data
from convnets.layers import BatchNorm1d, Dropout, Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.train import DivergenceError, evaluate, fit

ADDED = ((1.0, 0.0), (0.8, 0.0), (0.5, 0.0), (1.0, 0.001), (1.0, 0.01))  # keep_prob, weight_decay
SETTINGS = [
    {"norm": norm, "keep_prob": keep, "weight_decay": decay, "lr": lr, "seed": seed}
    for norm, lr in (
        (False, 0.1),
        (True, 1.0),
        (True, 0.3),
        (False, 0.3),
        (False, 0.8),
        (True, 2.5),
        (True, 5.0),
        (True, 0.1),
        (False, 0.03),
    )
    for keep, decay in ADDED
    for seed in range(10)
]


@cache
def images(seed):
    """500 to train, 1000 to validate, 1000 to test."""
    drawn = data.glyphs(2500, size=14, noise=0.15, seed=seed)
    return drawn[:500], drawn[500:1500], drawn[1500:]


def network(norm, keep_prob, seed, depth=2, width=100):
    """196 → 100 → 100 → 10."""
    parts, before = [Flatten()], 196
    for i in range(depth):
        parts.append(Linear(before, width, rng=[seed, i]))
        parts += [BatchNorm1d(width), ReLU()] if norm else [ReLU()]
        parts += [Dropout(keep_prob, rng=[seed, 100 + i])] if keep_prob < 1 else []
        before = width
    return Sequential(*parts, Linear(width, 10, rng=[seed, depth]))


def run(norm, keep_prob, weight_decay, lr, seed):
    """Accuracies in % after 400 steps; that of a guess where the training diverges."""
    train, validation, test = images(seed)
    model = network(norm, keep_prob, seed)
    sgd = SGD(model.parameters(), lr=lr, weight_decay=weight_decay)
    options = {"epochs": 40, "batch_size": 50, "rng": seed, "progress": False}
    try:
        fit(model, sgd, train, **options)
    except DivergenceError:
        return {"validation": 10.0, "test": 10.0}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
