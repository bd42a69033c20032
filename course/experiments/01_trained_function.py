"""How near does a trained ReLU network with one hidden layer come to a function, by its width?

The function is that of lecture 01b, on [0, 1]. Training sees 257 points of it, chooses the rate by
the squared error at the 256 points between them, and is judged by the largest error at 4,001
points. Gradient descent with momentum 0.9 on all points, 6,000 steps, the rate falling linearly to
zero. The corners of the ReLUs begin spread evenly at random over the interval.
"""

import numpy as np

from convnets.perturb import perturbed
from convnets.random import generator

SETTINGS = [
    {"width": width, "lr": lr, "seed": seed}
    for width in (4, 8, 16, 32, 64, 128)
    for lr in (0.01, 0.03, 0.1, 0.3)
    for seed in range(10)
]
STEPS = 6000


def target(x):
    return np.sin(2 * np.pi * x) + 0.5 * np.sin(6 * np.pi * x)


def drawn(width, rng):
    """Weights w, biases b, output weights v, output bias."""
    w = rng.standard_normal(width) * np.sqrt(2)
    b = -w * rng.uniform(0, 1, width)
    v = rng.standard_normal(width) / np.sqrt(width)
    return [perturbed(w), perturbed(b), perturbed(v), np.zeros(1)]


def output(x, w, b, v, c):
    z = np.outer(x, w) + b
    return z, np.maximum(z, 0) @ v + c


def gradients(x, y, w, b, v, c):
    """Of the mean squared error."""
    z, out = output(x, w, b, v, c)
    dy = 2 * (out - y) / len(x)
    dz = np.outer(dy, v) * (z > 0)
    return [x @ dz, dz.sum(0), np.maximum(z, 0).T @ dy, dy.sum(keepdims=True)]


def run(width, lr, seed):
    """Train one network: its mean squared error between the points, and its largest error."""
    x = np.linspace(0, 1, 257)
    between, fine = (x[1:] + x[:-1]) / 2, np.linspace(0, 1, 4001)
    y, weights = target(x), drawn(width, generator(seed))
    velocity = [np.zeros_like(each) for each in weights]
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(STEPS):
            grads = gradients(x, y, *weights)
            velocity = [0.9 * u + g for u, g in zip(velocity, grads, strict=True)]
            rate = lr * (1 - step / STEPS)
            weights = [w - rate * u for w, u in zip(weights, velocity, strict=True)]
        chosen = np.mean((output(between, *weights)[1] - target(between)) ** 2)
        largest = np.abs(output(fine, *weights)[1] - target(fine)).max()
    finite = bool(np.isfinite(largest))
    return {
        "validation": float(chosen) if finite else None,
        "largest": float(largest) if finite else None,
    }
