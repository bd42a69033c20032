"""With one number of parameters, is a network better deep or wide?

Networks of ReLUs with one to four hidden layers of equal width, about 1,000 parameters on spirals
and 3,000 on scikit-learn's digits; SGD with momentum 0.9, the same epochs for all. Each seed draws
weights, order and data anew: fresh spirals, another split of the digits (which share images, so
that an interval over seeds is too narrow there). The rate is to be chosen by the mean accuracy on
validation data. `before` and `after` count the linear pieces found on 201×201 points over
[−1.2, 1.2]².
"""

from itertools import pairwise

import numpy as np

from convnets import data, inspect
from convnets.layers import Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

WIDTHS = {"spirals": (200, 29, 21, 17), "digits": (40, 29, 24, 21)}  # for one to four layers
SETTINGS = [
    {"data": name, "depth": depth, "lr": lr, "seed": seed}
    for name in WIDTHS
    for depth in (1, 2, 3, 4)
    for lr in (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)
    for seed in range(20)
]
AXIS = np.linspace(-1.2, 1.2, 201)
GRID = np.stack(np.meshgrid(AXIS, AXIS), axis=-1).reshape(-1, 2, 1, 1)


def network(sizes, rng):
    """Fully connected layers of these sizes, with ReLUs between them."""
    pairs = ((Linear(a, b, rng=rng), ReLU()) for a, b in pairwise(sizes))
    return Sequential(Flatten(), *(layer for pair in pairs for layer in pair))[:-1]


def drawn(name, rng):
    """Training, validation and test set."""
    if name == "digits":
        return data.split(data.digits(), (0.6, 0.2, 0.2), rng)
    return [data.spirals(n, rng=rng) for n in (500, 500, 2000)]


def pieces(name, model):
    if name == "digits":
        return None
    return int(inspect.linear_pieces(model, GRID).max()) + 1


def run(data, depth, lr, seed):
    """Train one network: accuracies in %, linear pieces before and after."""
    train, validation, test = drawn(data, generator([seed, 1]))
    inputs, classes = {"spirals": (2, 2), "digits": (64, 10)}[data]
    sizes = [inputs, *[WIDTHS[data][depth - 1]] * depth, classes]
    model = network(sizes, generator([seed, 2]))
    before = pieces(data, model)
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    epochs = {"spirals": 60, "digits": 20}[data]
    try:
        fit(model, sgd, train, epochs=epochs, batch_size=50, rng=seed, progress=False)
    except DivergenceError:
        return {"validation": None, "test": None, "before": before, "after": None}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
        "before": before,
        "after": pieces(data, model),
    }
