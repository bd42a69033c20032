"""A network with global average pooling takes canvases of any size; how well does it read there?

Digits lie somewhere on a canvas of 16×16 pixels in training, of 16 to 48 in testing. Three answers:
the mean as it is; the mean times the growth of the area, which undoes its dilution; and with what
an empty canvas holds taken out before. The rate is chosen on validation images, at side 16.
"""

import numpy as np

from convnets import data
from convnets.layers import Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU
from convnets.layers import Sequential as Chain
from convnets.optim import SGD
from convnets.random import generator
from convnets.train import evaluate, fit

SETTINGS = [{"lr": lr, "seed": seed} for lr in (0.05, 0.1, 0.2) for seed in range(20)]
SIDES = (16, 24, 32, 48)


def finder(rng):
    """Canvas to ten scores, by way of the means of 24 maps."""
    return Chain(
        *(Conv2d(1, 12, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2)),
        *(Conv2d(12, 24, 3, padding=1, rng=rng), ReLU()),
        *(Conv2d(24, 24, 3, padding=1, rng=rng), ReLU()),
        *(GlobalAvgPool2d(), Flatten(), Linear(24, 10, rng=rng)),
    )


def means(model, canvas):
    """(N, 24) means of the maps, and (24,) those of an empty canvas of that size."""
    empty = np.zeros_like(canvas.images[:1])
    return model[:9](canvas.images), model[:9](empty)[0]


def run(lr, seed):
    """Train one network; accuracy in % for each side and answer, and peaks on the digit in %."""
    train, validation, test = data.split(data.digits(), (0.6, 0.2, 0.2), generator(seed))
    rng, model = generator([seed, 1]), finder(generator(seed))
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    learned, _ = data.on_canvas(train, 16, rng)
    fit(model, sgd, learned, epochs=10, batch_size=32, rng=seed, progress=False)
    told = {"validation": 100 * evaluate(model, data.on_canvas(validation, 16, rng)[0]).accuracy}
    for side in SIDES:
        canvas, corners = data.on_canvas(test, side, rng)
        mean, empty = means(model, canvas)
        if side == SIDES[0]:
            ground = empty  # what an empty canvas of the size in training gives
        growth = (side / SIDES[0]) ** 2
        answers = {"as is": mean, "times": growth * mean, "out": ground + growth * (mean - empty)}
        for name, features in answers.items():
            chosen = model[9](features).argmax(axis=1)
            told[f"{name} {side}"] = 100 * float((chosen == canvas.labels).mean())
        if side == 24:
            told["on digit"] = 100 * float(peaks_on_digit(model, canvas, corners).mean())
    return told


def peaks_on_digit(model, canvas, corners):
    """Whether the peak of the class activation map lies on the 8×8 pixels of the digit, (N,)."""
    chosen = model(canvas.images).argmax(axis=1)
    maps = model[:7](canvas.images)
    heat = np.einsum("nc,nchw->nhw", model[9].weight.data[chosen], maps)
    flat = heat.reshape(len(heat), -1).argmax(axis=1)
    peaks = 2 * np.column_stack(np.unravel_index(flat, heat.shape[1:])) + 1
    return ((peaks >= corners) & (peaks < corners + 8)).all(axis=1)
