"""Normal, batch norm, weight norm, mean-only batch norm, or the last two together: which does best?

A small replica of the five CIFAR-10 rows that are Salimans and Kingma's own (2016), on drawn colour
images of shapes with textures instead of CIFAR-10, with a small network and few passes. Each
variant is trained at five learning rates, its rate is chosen on validation images, and the test
images count at that rate alone. As in the paper all five begin as the same function, with the start
that a first batch gives; a sixth is normal without that start. Images, initial weights and their
order follow from the seed, so that seeds are independent and variants are paired.
"""

import numpy as np

from convnets import data
from convnets.layers import (
    BatchNorm2d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    MeanOnlyBatchNorm2d,
    ReLU,
    Sequential,
    WeightNorm,
)
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

AS_DRAWN = "normal, as drawn"
VARIANTS = ("normal", "batch norm", "weight norm", "mean-only", "weight norm + mean-only", AS_DRAWN)
SETTINGS = [
    {"variant": variant, "lr": lr, "seed": seed}
    for lr in (0.005, 0.01, 0.02, 0.04, 0.08)
    for variant in VARIANTS
    for seed in range(10)
]


def network(variant, rng):
    """(CONV [norm] ReLU POOL) × 2, FC, for images 3×16×16."""
    rng = generator(rng)
    weight = WeightNorm if "weight norm" in variant else lambda layer: layer
    stages, inputs = [], 3
    for filters in (12, 24):
        stages.append(weight(Conv2d(inputs, filters, 3, padding=1, rng=rng)))
        if variant == "batch norm":
            stages.append(BatchNorm2d(filters))
        elif "mean-only" in variant:
            stages.append(MeanOnlyBatchNorm2d(filters))
        stages += [ReLU(), MaxPool2d(2)]
        inputs = filters
    return Sequential(*stages, Flatten(), weight(Linear(inputs * 16, 10, rng=rng)))


def start(model, images):
    """The start from a first batch, of any variant: outputs with mean 0 and variance 1."""
    for layer in model.children().values():
        if isinstance(layer, WeightNorm):
            layer.initialise_from(images)
        elif isinstance(layer, (Conv2d, Linear)):
            y = layer(images)
            axes = (0, *range(2, y.ndim))
            mean, std = y.mean(axis=axes), y.std(axis=axes)
            layer.weight.data = layer.weight.data / std.reshape(-1, *(1,) * (y.ndim - 1))
            layer.bias.data = -mean / std
        images = layer(images)


def standardised(drawn, known):
    """The same images with mean 0 and variance 1 in each channel of the first `known`."""
    mean, std = (f(drawn.images[:known], axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    return data.Dataset((drawn.images - mean) / std, drawn.labels, drawn.classes)


def run(variant, lr, seed):
    """Train one network on 1500 images; accuracy in % on 1000 for validation and 1000 for test.

    None where the training diverges.
    """
    drawn = standardised(data.textures(3500, seed=seed, size=16), 1500)
    train, validation, test = drawn[:1500], drawn[1500:2500], drawn[2500:]
    model = network(variant, seed)
    if variant != AS_DRAWN:
        start(model, train.images[:100])
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    try:
        history = fit(model, sgd, train, epochs=8, batch_size=50, rng=seed, progress=False)
    except DivergenceError:
        return {"train_loss": None, "validation": None, "test": None}
    return {
        "train_loss": history.train_loss[-1],
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
