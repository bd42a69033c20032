"""Does fractional max pooling read digits better than plain 2×2 maxima at equal parameters?

Three networks with the same parameters and the same 4×4 maps before the head. "2×2": 8 to 4 pixels
at once. "fixed": 8 to 6 to 4, with the same regions always. "drawn": 8 to 6 to 4, with new regions
for each mini-batch, and in testing one pass or the mean of twelve. Each at five learning rates; the
rate is chosen on validation images, on what the variant answers with (for "drawn", twelve passes).
"""

import numpy as np

from convnets import data
from convnets import functional as F
from convnets.layers import Conv2d, Flatten, FractionalMaxPool2d, Linear, MaxPool2d, ReLU
from convnets.layers import Sequential as Chain
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import DivergenceError, fit

SETTINGS = [
    {"variant": variant, "lr": lr, "seed": seed}
    for lr in (0.0125, 0.025, 0.05, 0.1, 0.2)
    for variant in ("2×2", "fixed", "drawn")
    for seed in range(20)
]


class Fixed(FractionalMaxPool2d):
    """Fractional pooling with the same regions in training as in evaluation."""

    def forward(self, x):
        y, self.cache = F.fractional_max_pool2d(x, self.output_size, generator(0), self.kernel_size)
        return y


def network(variant, rng):
    """8×8 to ten scores; equal parameters whatever the variant."""
    first = Conv2d(1, 8, 3, padding=1, rng=rng)
    second = Conv2d(8, 16, 3, padding=1, rng=rng)
    head = Linear(16 * 4 * 4, 10, rng=rng)
    if variant == "2×2":
        return Chain(first, ReLU(), MaxPool2d(2), second, ReLU(), Flatten(), head)
    pool = Fixed if variant == "fixed" else FractionalMaxPool2d
    pools = pool(6, rng=rng), pool(4, rng=rng)
    return Chain(first, ReLU(), pools[0], second, ReLU(), pools[1], Flatten(), head)


def answers(model, part, passes):
    """Accuracy in % of one pass, on average, and of the mean of all."""
    chances = np.stack([F.softmax(model(part.images)) for _ in range(passes)])
    return [
        100 * (c.argmax(axis=-1) == part.labels).mean() for c in (chances, chances.mean(axis=0))
    ]


def run(variant, lr, seed):
    """Train one network on 1078 digits; accuracy in % on 360 for validation and 359 for test."""
    train, validation, test = data.split(data.digits(), (0.6, 0.2, 0.2), generator(seed))
    model = network(variant, generator(seed))
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    names = ("validation", "test")
    try:
        fit(model, sgd, train, epochs=12, batch_size=64, rng=seed, progress=False)
    except DivergenceError:
        return {f"{name}_{of}": None for name in names for of in ("one", "mean")}
    told = {}
    for name, part in zip(names, (validation, test), strict=True):
        one, mean = answers(model, part, 12 if variant == "drawn" else 1)  # still in training mode
        told |= {f"{name}_one": one, f"{name}_mean": mean}
    return told
