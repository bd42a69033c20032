"""Maximum or average pooling in LeNet: which is better, each at its own best learning rate?

A network with average pooling passes smaller gradients back, so at one rate for both the comparison
is one of rates. Here each variant is trained at five, the rate is chosen on validation images, and
the test images are looked at with that rate alone. Everything else is the same for both: split,
initial weights, order of the examples and number of epochs follow from the seed.
"""

from convnets import data, models
from convnets.layers import AvgPool2d, MaxPool2d
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

SETTINGS = [
    {"pool": pool, "lr": lr, "seed": seed}
    for lr in (0.0075, 0.015, 0.03, 0.06, 0.12)
    for pool in ("max", "average")
    for seed in range(20)
]

POOLS = {"max": MaxPool2d, "average": AvgPool2d}


def run(pool, lr, seed):
    """Train one network on 1078 digits; its accuracy in % on 360 for validation and 359 for test.

    None where the training diverges.
    """
    train, validation, test = data.split(data.digits(), (0.6, 0.2, 0.2), generator(seed))
    model = models.lenet(size=8, pool=POOLS[pool], rng=seed)
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    try:
        history = fit(model, sgd, train, epochs=12, batch_size=64, rng=seed, progress=False)
    except DivergenceError:
        return {"train_loss": None, "validation": None, "test": None}
    return {
        "train_loss": history.train_loss[-1],
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
