"""Maximum, average or a strided convolution in LeNet: which, each at its own best learning rate?

Networks pass gradients of different sizes back, average pooling smaller ones, so at one rate for
all the comparison is one of rates. Here each variant is trained at five, the rate is chosen on
validation images, and the test images are looked at with that rate alone. Everything else is the
same for all: split, initial weights, order of the examples and number of epochs follow from the
seed.
"""

from convnets import data, models
from convnets.layers import AvgPool2d, Conv2d, LocalResponseNorm, MaxPool2d, ReLU, Sequential
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

RATES = (0.0075, 0.015, 0.03, 0.06, 0.12)
SETTINGS = [
    {"pool": pool, "lr": lr, "seed": seed}
    for pools in (
        ("max", "average"),
        ("every second pixel", "strided", "overlapping", "LRN, max"),
        ("strided, ReLU",),
    )
    for lr in RATES
    for pool in pools
    for seed in range(20)
]


def pools(name, seed):
    """What `models.lenet` calls with 2, first for 6 channels and then for 16."""
    channels = iter((6, 16))

    def strided(step):
        count = next(channels)
        return Conv2d(count, count, step, stride=step, rng=generator([seed, count]))

    return {
        "max": MaxPool2d,
        "average": AvgPool2d,
        "every second pixel": lambda step: MaxPool2d(1, stride=step),
        "strided": strided,
        "strided, ReLU": lambda step: Sequential(strided(step), ReLU()),
        "overlapping": lambda step: MaxPool2d(3, stride=step, padding=1),
        "LRN, max": lambda step: Sequential(LocalResponseNorm(), MaxPool2d(step)),
    }[name]


def run(pool, lr, seed):
    """Train one network on 1078 digits; its accuracy in % on 360 for validation and 359 for test.

    None where the training diverges.
    """
    train, validation, test = data.split(data.digits(), (0.6, 0.2, 0.2), generator(seed))
    model = models.lenet(size=8, pool=pools(pool, seed), rng=seed)
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
