"""Does the noise of batch statistics regularise?

Mini-batches always hold 256 examples, so that the noise of the gradient stays what it is; mean and
variance are taken over groups of them (Hoffer, Hubara and Soudry 2017, arXiv:1705.08741). Few
training images, each with noise. Group 0 is the network without normalisation.
"""

from functools import cache

from convnets import data
from convnets.layers import BatchNorm1d, Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.train import DivergenceError, evaluate, fit

SETTINGS = [
    {"group": group, "lr": lr, "seed": seed}
    for lr, groups in (
        (0.1, (0, 256, 64, 32, 16, 8, 4)),
        (0.3, (0, 256, 64, 32, 16, 8, 4)),
        (0.03, (0,)),
        (1.0, (0, 256, 64, 32, 16, 8)),
        (3.0, (256, 64, 32, 16, 8)),
        (10.0, (256, 64)),
        (5.0, (256, 64)),
        (5.0, (32, 16, 8)),
        (10.0, (32,)),
    )
    for group in groups
    for seed in range(10)
]


@cache
def images(seed):
    """512 to train, 1000 to validate, 1000 to test."""
    drawn = data.glyphs(2512, size=14, noise=0.1, seed=seed)
    return drawn[:512], drawn[512:1512], drawn[1512:]


def network(group, seed, depth=5, width=100):
    """196 → 100 → … → 10, normalised over groups of examples before each ReLU."""
    parts, before = [Flatten()], 196
    for i in range(depth):
        parts.append(Linear(before, width, rng=[seed, i]))
        parts += [BatchNorm1d(width, ghost=group)] if group else []
        parts.append(ReLU())
        before = width
    return Sequential(*parts, Linear(width, 10, rng=[seed, depth]))


def run(group, lr, seed):
    """Accuracies in % after 240 steps; that of a guess where the training diverges."""
    train, validation, test = images(seed)
    model = network(group, seed)
    options = {"epochs": 120, "batch_size": 256, "rng": seed, "progress": False}
    try:
        history = fit(model, SGD(model.parameters(), lr=lr), train, **options)
    except DivergenceError:
        return {"train": 10.0, "validation": 10.0, "test": 10.0}
    return {
        "train": 100 * history.train_accuracy[-1],
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
