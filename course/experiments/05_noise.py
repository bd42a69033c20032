"""Does batch normalisation help because it holds the inputs of a layer still?

After each normalisation every unit is scaled and shifted at random, anew in every step, so that
what the next layer sees moves more than without normalisation (Santurkar et al. 2018,
arXiv:1805.11604, section 2.2). Each variant at the best of four rates on validation images.
"""

from functools import cache

import numpy as np

from convnets import data
from convnets.layers import BatchNorm1d, Flatten, Layer, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

SETTINGS = [
    {"variant": variant, "lr": lr, "seed": seed}
    for lr in (0.03, 0.1, 0.3, 0.9)
    for variant in ("plain", "normalised", "normalised, then moved")
    for seed in range(10)
]


class Move(Layer):
    """In training: y = s x + t with s and t drawn anew for each unit in each step."""

    def __init__(self, rng):
        self.rng = generator(rng)

    def forward(self, x):
        self.cache = np.ones(x.shape[1], x.dtype)
        if not self.training:
            return x
        self.cache = self.rng.uniform(0.5, 1.5, x.shape[1]).astype(x.dtype)
        return x * self.cache + self.rng.uniform(-0.5, 0.5, x.shape[1]).astype(x.dtype)

    def backward(self, dy):
        return dy * self.cache


@cache
def images(seed):
    """4000 to train, 1000 to validate, 1000 to test."""
    return data.split(data.glyphs(6000, size=14, seed=seed), (4 / 6, 1 / 6, 1 / 6), seed)


def network(variant, seed, depth=5, width=100):
    """196 → 100 → … → 10, with what the variant asks for before each ReLU."""
    parts, before = [Flatten()], 196
    for i in range(depth):
        parts.append(Linear(before, width, rng=[seed, i]))
        parts += [] if variant == "plain" else [BatchNorm1d(width)]
        parts += [Move([seed, 100 + i])] if variant.endswith("moved") else []
        parts.append(ReLU())
        before = width
    return Sequential(*parts, Linear(width, 10, rng=[seed, depth]))


def moves(model, state, images):
    """How far the mean input of a ReLU is from where it was in `state`, in its deviations there."""
    now, found = model.state_dict(), []
    places = [i for i, layer in enumerate(model) if isinstance(layer, ReLU)]
    after = [model[:i](images) for i in places]
    model.load_state_dict(state)
    for i, new in zip(places, after, strict=True):
        old = model[:i](images)
        found.append(np.median(abs(new.mean(0) - old.mean(0)) / (old.std(0) + 1e-12)))
    model.load_state_dict(now)
    return float(np.mean(found))


def run(variant, lr, seed):
    """Accuracies in % after 335 steps, and how far inputs moved; a guess where it diverges."""
    train, validation, test = images(seed)
    model = network(variant, seed)
    options = {"batch_size": 60, "progress": False}
    sgd = SGD(model.parameters(), lr=lr)
    try:
        fit(model, sgd, train, epochs=5, rng=seed, **options)
    except DivergenceError:
        return {"validation": 10.0, "test": 10.0, "moved": None}
    accuracies = {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
    model.train()  # what the next layer sees in two steps of training, one after the other
    before = model.state_dict()
    fit(model, sgd, train[:60], epochs=1, rng=seed, **options)
    return accuracies | {"moved": moves(model, before, validation.images[:500])}
