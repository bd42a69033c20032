"""Which normalisation minds a small batch, in a fully connected and in a convolutional network?

Batches of 2, 4, 8 and 32 of drawn digits of 8×8 pixels. All networks see the same images equally
often, so small batches make more steps; the rate is `base` · √batch, and `base` is chosen for each
combination on validation images. Batch norm uses its running averages at test time. Images, initial
weights and their order follow from the seed, so that seeds are independent and variants are paired.
"""

import numpy as np

from convnets import data
from convnets.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    FilterResponseNorm,
    Flatten,
    GroupNorm,
    LayerNorm,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    ThresholdedLinear,
)
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, evaluate, fit

VARIANTS = {
    "connected": ("none", "batch", "layer"),
    "convolutional": ("none", "batch", "group", "filter response"),
}
THREE, FOUR = (0.01, 0.03, 0.1), (0.01, 0.03, 0.1, 0.3)
BASES = {2: THREE, 4: THREE, 8: FOUR, 32: FOUR}
SETTINGS = [
    {"network": network, "norm": norm, "batch": batch, "base": base, "seed": seed}
    for network, norms in VARIANTS.items()
    for batch, bases in BASES.items()
    for base in ((0.003, *bases) if network == "connected" else bases)
    for norm in norms
    for seed in range(10)
]


def connected(norm, rng):
    """64 → 64 → 64 → 10; a mean is shared by as many numbers as the batch has images."""
    norms = {
        "none": lambda: [ReLU()],
        "batch": lambda: [BatchNorm1d(64), ReLU()],
        "layer": lambda: [LayerNorm(64), ReLU()],
    }[norm]
    hidden = [layer for _ in range(2) for layer in (Linear(64, 64, rng=rng), *norms())]
    return Sequential(Flatten(), *hidden, Linear(64, 10, rng=rng))


def convolutional(norm, rng):
    """(CONV norm ReLU POOL) × 2, FC, with 8 and 16 filters on maps of 8×8 and 4×4."""
    norms = {
        "none": lambda filters: [ReLU()],
        "batch": lambda filters: [BatchNorm2d(filters), ReLU()],
        "group": lambda filters: [GroupNorm(filters // 4, filters), ReLU()],
        "filter response": lambda f: [FilterResponseNorm(f), ThresholdedLinear(f)],
    }[norm]
    stages = []
    for inputs, filters in ((1, 8), (8, 16)):
        stages += [Conv2d(inputs, filters, 3, padding=1, rng=rng), *norms(filters), MaxPool2d(2)]
    return Sequential(*stages, Flatten(), Linear(16 * 4, 10, rng=rng))


def run(network, norm, batch, base, seed):
    """Train one network on 500 images; accuracy in % on 1000 for validation and 1000 for test.

    None where the training diverges.
    """
    drawn = data.glyphs(2500, seed=seed, size=8, noise=0.1)
    train, validation, test = drawn[:500], drawn[500:1500], drawn[1500:]
    make = {"connected": connected, "convolutional": convolutional}[network]
    model = make(norm, generator(seed))
    sgd = SGD(model.parameters(), lr=base * float(np.sqrt(batch)))
    try:
        fit(model, sgd, train, epochs=3, batch_size=batch, rng=seed, progress=False)
    except DivergenceError:
        return {"validation": None, "test": None}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
