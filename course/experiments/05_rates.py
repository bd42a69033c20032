"""Does batch normalisation need fewer steps to 95 %, at the same rate and each at its best rate?

A deep ReLU network with He's weights, plain gradient descent without momentum, images drawn anew
for each seed. Every 25 steps the validation accuracy is taken.
"""

from functools import cache

from convnets import data
from convnets.callbacks import Callback
from convnets.layers import BatchNorm1d, Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.train import DivergenceError, evaluate, fit

GOAL, EPOCHS = 0.95, 8  # 8 epochs are 536 steps
SETTINGS = [
    {"norm": norm, "lr": lr, "seed": seed}
    for lr in (0.03, 0.15, 0.9, 0.3, 0.08)
    for norm in (False, True)
    for seed in range(10)
] + [{"norm": norm, "lr": 0.05, "seed": seed} for norm in (False, True) for seed in range(10)]


class StepsTo(Callback):
    """After how many steps the validation accuracy reached the goal for the first time."""

    def __init__(self, model, images, goal):
        self.model, self.images, self.goal, self.steps = model, images, goal, None

    def on_step(self, run):
        due = self.steps is None and run.steps % 25 == 0
        if due and evaluate(self.model, self.images).accuracy >= self.goal:
            self.steps = run.steps


@cache
def images(seed):
    """4000 to train, 1000 to validate, 1000 to test."""
    return data.split(data.glyphs(6000, size=14, seed=seed), (4 / 6, 1 / 6, 1 / 6), seed)


def network(norm, seed, depth=5, width=100):
    """196 → 100 → … → 10, normalised before each ReLU or not."""
    parts, before = [Flatten()], 196
    for i in range(depth):
        parts.append(Linear(before, width, rng=[seed, i]))
        parts += [BatchNorm1d(width)] if norm else []
        parts.append(ReLU())
        before = width
    return Sequential(*parts, Linear(width, 10, rng=[seed, depth]))


def run(norm, lr, seed):
    """Steps to the goal, None where they did not suffice, and accuracies in % at the end."""
    train, validation, test = images(seed)
    model = network(norm, seed)
    reached = StepsTo(model, validation, GOAL)
    options = {"epochs": EPOCHS, "batch_size": 60, "rng": seed, "progress": False}
    try:
        fit(model, SGD(model.parameters(), lr=lr), train, callbacks=[reached], **options)
    except DivergenceError:
        return {"steps": None, "validation": None, "test": None}
    return {
        "steps": reached.steps,
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
