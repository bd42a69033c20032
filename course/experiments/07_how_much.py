"""How much dropout: keep_prob swept with the width n fixed, and with keep_prob · n fixed?

Networks 196 → n → n → 10 on 1000 noisy glyphs with dropout after both hidden layers, SGD with
momentum 0.9, 600 updates. Beside each wider network with dropout stands one of the same width
without. Each seed draws weights, masks, order and all images anew. The rate is to be chosen by the
mean loss on validation images.
"""

from functools import cache

from convnets import data
from convnets.layers import Dropout, Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

KEPT = (0.9, 0.75, 0.5, 0.3)
WIDTHS = {keep: round(64 / keep) for keep in KEPT}  # so that about 64 units are left
NETS = [
    *((keep, 64) for keep in (1.0, *KEPT)),
    *((keep, n) for keep, n in WIDTHS.items()),
    *((1.0, n) for n in WIDTHS.values()),
]
SETTINGS = [
    {"keep": keep, "width": width, "lr": lr, "seed": seed}
    for seed in range(10)
    for keep, width in NETS
    for lr in (0.01, 0.025, 0.06, 0.12)
] + [  # where the best of the four was the first or the last
    {"keep": keep, "width": width, "lr": lr, "seed": seed}
    for seed in range(10)
    for keep, width in NETS
    for lr in {1.0: (0.25, 0.5), 0.3: (0.005,)}.get(keep, ())
]


@cache
def images(seed):
    """1000 to train, 1000 to validate, 1000 to test."""
    return data.split(
        data.glyphs(3000, size=14, noise=0.15, seed=seed), (1 / 3, 1 / 3, 1 / 3), seed
    )


def network(keep, width, seed):
    """196 → width → width → 10."""
    parts, before = [Flatten()], 196
    for i in range(2):
        parts += [Linear(before, width, rng=[seed, i]), ReLU(), Dropout(keep, rng=[seed, 10 + i])]
        before = width
    return Sequential(*parts, Linear(width, 10, rng=[seed, 2]))


def run(keep, width, lr, seed):
    """Losses, and errors in %, after 600 updates; those of a guess where it diverges."""
    train, validation, test = images(seed)
    model = network(keep, width, seed)
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    found = {}
    try:
        fit(model, sgd, train, epochs=30, batch_size=50, rng=generator(seed), progress=False)
    except DivergenceError:
        names = ("train", "validation", "test")
        return {f"{name} {of}": v for name in names for of, v in (("loss", 2.303), ("error", 90.0))}
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        loss, accuracy = evaluate(model, part)
        found |= {f"{name} loss": loss, f"{name} error": 100 * (1 - accuracy)}
    return found
