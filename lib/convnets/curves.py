"""Loss curves of trainings that go wrong in one known way, for reading curves.

Each is a real training of a small network on scikit-learn's digits, 30 epochs in a fifth
of a second, from which one thing is spoilt.

    history = draw("overfitting", seed=3)     # what `fit` records
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from convnets.arrays import number
from convnets.callbacks import History
from convnets.data import Dataset, digits, split
from convnets.init import kaiming_normal
from convnets.layers import Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.train import fit

EPOCHS = 30


@dataclass(frozen=True)
class _Recipe:
    """One training; the defaults are those of the healthy one."""

    lr: float = 0.2
    widths: tuple[int, ...] = (40,)
    gain: float = 1.0  # of the initial weights, times He's deviation
    examples: int = 600
    batch_size: int = 30
    weight_decay: float = 0.0
    noise: float = 0.0  # share of training labels that are drawn anew


RECIPES = {
    "healthy": _Recipe(),
    "rate too low": _Recipe(lr=0.002),
    "rate too high": _Recipe(lr=6.0),
    "bad start": _Recipe(widths=(40, 40), gain=0.1),
    "overfitting": _Recipe(widths=(100,), examples=60, batch_size=5, noise=1 / 3),
    "underfitting": _Recipe(weight_decay=0.1),
}
FAULTS = tuple(name for name in RECIPES if name != "healthy")


def draw(fault: str, seed: int = 0) -> History:
    """Train with this fault, and return what was recorded: the loss of every step and epoch.

    Args:
        fault: "healthy", or one of `FAULTS`: "rate too low", "rate too high", "bad start" (initial
            weights ten times too small), "overfitting" (60 examples, a third of them with labels
            that were drawn anew) or "underfitting" (weight decay of 0.1 holds the weights down).
        seed: integer >= 0; of the split, the weights and the order of the examples.
    Raises:
        ValueError: there is no such fault, or the seed is negative.

    >>> history = draw("underfitting", seed=0)
    >>> len(history.train_loss), history.train_loss[-1] > 0.5
    (30, True)
    """
    if fault not in RECIPES:
        close = difflib.get_close_matches(str(fault), RECIPES, n=1, cutoff=0.5)
        meant = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(f"unknown fault {fault!r}: {meant}there are {', '.join(RECIPES)}.")
    seed = number(seed)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be an integer >= 0, but is {seed!r}.")
    recipe = RECIPES[fault]
    train, val = split(digits(), (0.5, 0.5), seed)
    model = _network(recipe, np.random.default_rng([seed, 1]))
    return fit(
        model,
        SGD(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay),
        _noisy(train[: recipe.examples], recipe.noise, np.random.default_rng([seed, 2])),
        val[:400],
        epochs=EPOCHS,
        batch_size=recipe.batch_size,
        rng=seed,
        progress=False,
    )


def _network(recipe: _Recipe, rng: np.random.Generator) -> Sequential:
    def init(shape, rng):
        return recipe.gain * kaiming_normal(shape, rng)

    layers, sides = [Flatten()], (64, *recipe.widths, 10)
    for inputs, outputs in pairwise(sides):
        layers += [Linear(inputs, outputs, rng=rng, init=init), ReLU()]
    return Sequential(*layers[:-1])


def _noisy(data: Dataset, share: float, rng: np.random.Generator) -> Dataset:
    """The data set with this share of its labels drawn anew."""
    if not share:
        return data
    labels, count = data.labels.copy(), round(share * len(data))
    labels[rng.permutation(len(data))[:count]] = rng.integers(len(data.classes), size=count)
    return Dataset(data.images, labels, data.classes)
