"""Do deep networks catch up with wide ones on digits, given three times the training?

As `01_deep_or_wide`, the digits only, with 60 epochs in place of 20: the same networks, draws and
splits, so that the runs are pairs. The rate is to be chosen by the mean accuracy on validation
data.
"""

from itertools import pairwise

from convnets import data
from convnets.layers import Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

WIDTHS = (40, 29, 24, 21)  # for one to four layers
SETTINGS = [
    {"depth": depth, "lr": lr, "seed": seed}
    for depth in (1, 2, 3, 4)
    for lr in (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)
    for seed in range(20)
]


def network(sizes, rng):
    """Fully connected layers of these sizes, with ReLUs between them."""
    pairs = ((Linear(a, b, rng=rng), ReLU()) for a, b in pairwise(sizes))
    return Sequential(Flatten(), *(layer for pair in pairs for layer in pair))[:-1]


def run(depth, lr, seed):
    """Train one network: accuracies in %."""
    split = data.split(data.digits(), (0.6, 0.2, 0.2), generator([seed, 1]))
    train, validation, test = split
    model = network([64, *[WIDTHS[depth - 1]] * depth, 10], generator([seed, 2]))
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    try:
        fit(model, sgd, train, epochs=60, batch_size=50, rng=seed, progress=False)
    except DivergenceError:
        return {"validation": None, "test": None}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
