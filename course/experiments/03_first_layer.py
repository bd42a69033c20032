"""Does LeNet read worse when its first convolution stays as it was drawn?

C1 keeps its random initial weights and everything behind it is trained, at five learning rates.
Split, initial weights, order and epochs are those of `03_pooling_rates`, where C1 is trained too,
so that its runs with maximum pooling are the other half of each pair.
"""

from convnets import data, models
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

SETTINGS = [
    {"lr": lr, "seed": seed} for lr in (0.0075, 0.015, 0.03, 0.06, 0.12) for seed in range(20)
]


def run(lr, seed):
    """Train all of one network but C1; accuracy in % on 360 digits for validation, 359 for test."""
    train, validation, test = data.split(data.digits(), (0.6, 0.2, 0.2), generator(seed))
    model = models.lenet(size=8, rng=seed)
    behind = {name: p for name, p in model.parameters().items() if not name.startswith("0.")}
    sgd = SGD(behind, lr=lr, momentum=0.9)
    try:
        history = fit(model, sgd, train, epochs=12, batch_size=64, rng=seed, progress=False)
    except DivergenceError:
        return {"train_loss": None, "validation": None, "test": None}
    return {
        "train_loss": history.train_loss[-1],
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
