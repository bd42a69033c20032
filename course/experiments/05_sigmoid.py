"""Does a deep sigmoid network train only with batch normalisation?

With Glorot's weights, with weights four times as large and biases that centre what the sigmoids
pass on, and with Adam in place of gradient descent.
"""

from functools import cache

from convnets import data
from convnets.layers import BatchNorm1d, Flatten, Linear, Sequential, Sigmoid
from convnets.optim import SGD, Optimizer
from convnets.train import DivergenceError, evaluate, fit

VARIANTS = (
    ("plain", "sgd", (0.05, 0.3, 3.0)),
    ("normalised", "sgd", (0.3, 1.0, 3.0)),
    ("larger, centred", "sgd", (0.3, 1.0, 3.0)),
    ("plain", "adam", (0.003, 0.01)),
)
SETTINGS = [
    {"network": network, "optimizer": optimizer, "lr": lr, "seed": seed}
    for network, optimizer, rates in VARIANTS
    for lr in rates
    for seed in range(10)
] + [
    {"network": network, "optimizer": optimizer, "lr": lr, "seed": seed}
    for network, optimizer, lr in (
        ("plain", "sgd", 10.0),
        ("larger, centred", "sgd", 0.1),
        ("plain", "adam", 0.03),
    )
    for seed in range(10)
]


class Adam(Optimizer):
    """Steps of about lr whatever the size of the gradient (lecture 08)."""

    def update(self, w, g, state):
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * g
        v = state["v"] = 0.999 * state.get("v", 0.0) + 0.001 * g * g
        return w - self.lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)


@cache
def images(seed):
    """2000 to train, 500 to validate, 500 to test."""
    return data.split(data.glyphs(3000, size=14, seed=seed), (4 / 6, 1 / 6, 1 / 6), seed)


def build(network, seed, depth=5, width=100):
    """196 → 100 → … → 10 with sigmoids."""
    parts, before = [Flatten()], 196
    for i in range(depth + 1):
        linear = Linear(before, width if i < depth else 10, rng=[seed, i])
        spread = (2 / (before + linear.weight.data.shape[0])) ** 0.5  # Glorot and Bengio
        linear.weight.data = linear.weight.data * (spread * (before / 2) ** 0.5)
        if network == "larger, centred" and i:
            linear.weight.data = 4 * linear.weight.data
            linear.bias.data = -0.5 * linear.weight.data.sum(axis=1)  # a sigmoid is ½ on average
        parts.append(linear)
        if i < depth:
            parts += [BatchNorm1d(width), Sigmoid()] if network == "normalised" else [Sigmoid()]
        before = width
    return Sequential(*parts)


def run(network, optimizer, lr, seed):
    """Accuracies in % after 680 steps; that of a guess where the training diverges."""
    train, validation, test = images(seed)
    model = build(network, seed)
    rule = {"sgd": SGD, "adam": Adam}[optimizer](model.parameters(), lr=lr)
    options = {"epochs": 20, "batch_size": 60, "rng": seed, "progress": False}
    try:
        fit(model, rule, train, **options)
    except DivergenceError:
        return {"validation": 10.0, "test": 10.0}
    return {
        "validation": 100 * evaluate(model, validation).accuracy,
        "test": 100 * evaluate(model, test).accuracy,
    }
