"""Do wide networks catch up with deep ones on spirals, given three times the training?

As `01_deep_or_wide`, the spirals only, one hidden layer against four, with 180 epochs in place of
60: the same networks and draws, so that the runs are pairs. The rate is to be chosen by the mean
accuracy on validation data, among four rates around the best one of 60 epochs.
"""

from itertools import pairwise

from convnets import data
from convnets.layers import Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

WIDTHS = {1: 200, 4: 17}
RATES = {1: (0.05, 0.1, 0.2, 0.4), 4: (0.00625, 0.0125, 0.025, 0.05)}
SETTINGS = [
    {"depth": depth, "lr": lr, "seed": seed}
    for depth in WIDTHS
    for lr in RATES[depth]
    for seed in range(20)
]


def network(sizes, rng):
    """Fully connected layers of these sizes, with ReLUs between them."""
    pairs = ((Linear(a, b, rng=rng), ReLU()) for a, b in pairwise(sizes))
    return Sequential(Flatten(), *(layer for pair in pairs for layer in pair))[:-1]


def run(depth, lr, seed):
    """Train one network: accuracies in %."""
    rng = generator([seed, 1])
    train, validation, test = (data.spirals(n, rng=rng) for n in (500, 500, 2000))
    model = network([2, *[WIDTHS[depth]] * depth, 2], generator([seed, 2]))
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    try:
        fit(model, sgd, train, epochs=180, batch_size=50, rng=seed, progress=False)
    except DivergenceError:
        return {"validation": None, "test": None}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
