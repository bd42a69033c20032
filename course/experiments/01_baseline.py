"""On digits, what have three hidden layers over none, when both are trained with cross-entropy?

Networks 64 → 64 → 64 → 64 → 10 with ReLUs, and 64 → 10, which is a linear classifier; SGD with
momentum 0.9, 20 epochs. Each seed draws weights, order and split anew (splits share images, so that
an interval over seeds is too narrow). The rate is to be chosen by the mean accuracy on validation
data.
"""

from itertools import pairwise

from convnets import data
from convnets.layers import Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

RATES = {0: (0.05, 0.1, 0.2, 0.4, 0.8, 1.6), 3: (0.0125, 0.025, 0.05, 0.1)}  # by hidden layers
SETTINGS = [
    {"hidden": hidden, "lr": lr, "seed": seed}
    for hidden, rates in RATES.items()
    for lr in rates
    for seed in range(20)
]


def network(sizes, rng):
    """Fully connected layers of these sizes, with ReLUs between them."""
    pairs = ((Linear(a, b, rng=rng), ReLU()) for a, b in pairwise(sizes))
    return Sequential(Flatten(), *(layer for pair in pairs for layer in pair))[:-1]


def run(hidden, lr, seed):
    """Train one network: accuracies in %."""
    split = data.split(data.digits(), (0.6, 0.2, 0.2), generator([seed, 1]))
    train, validation, test = split
    model = network([64, *[64] * hidden, 10], generator([seed, 2]))
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    try:
        fit(model, sgd, train, epochs=20, batch_size=50, rng=seed, progress=False)
    except DivergenceError:
        return {"validation": None, "test": None}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
