"""What the notebook of assignment a01 computes with: random numbers, digits, and a descent."""

import numpy as np

from convnets.data import digits, split


def activation_cases(rng, shapes, spread=2.0):
    """Arguments (z,) of the activations: random numbers of these shapes."""
    return [(spread * rng.standard_normal(shape),) for shape in shapes]


def far_activation_cases(rng, count=5):
    """Arguments (z,) of the activations of which half are hundreds or thousands, of either sign."""
    cases = []
    for _ in range(count):
        z = rng.standard_normal((3, 4))
        z[:, ::2] *= 10 ** rng.uniform(3, 4, (3, 2))
        cases.append((z,))
    return cases


def slope_cases(rng, shapes, zeros=False):
    """Arguments (dy, z) of the derivatives; with `zeros`, a third of all z are exactly 0."""
    cases = []
    for shape in shapes:
        dy, z = rng.standard_normal(shape), 2 * rng.standard_normal(shape)
        if zeros:
            z[rng.random(shape) < 1 / 3] = 0
        cases.append((dy, z))
    return cases


def linear_cases(rng, sizes):
    """Arguments (x, w, b, dy) of a layer.

    Args:
        sizes: tuples (N, D, F).
    """
    draw = rng.standard_normal
    return [(draw((n, d)), draw((f, d)), draw(f), draw((n, f))) for n, d, f in sizes]


def score_cases(rng, sizes, spread=2.0):
    """Arguments (scores, labels) of a loss.

    Args:
        sizes: tuples (N, K).
    """
    return [(spread * rng.standard_normal((n, k)), rng.integers(0, k, n)) for n, k in sizes]


def tied_cases(rng, sizes):
    """The same with whole numbers for scores, so that many stand exactly at the margin."""
    return [(rng.integers(-2, 3, (n, k)).astype(float), rng.integers(0, k, n)) for n, k in sizes]


def far_cases(rng, count=10):
    """Arguments (scores, labels): all about 1000 or −1000, and some thousands below the largest.

    Of the latter, every third batch has the largest for its true classes, and one more close to it.
    """
    cases = []
    for i in range(count):
        n = 2 + i % 5
        (near, labels), (up, up_labels), (down, down_labels) = score_cases(rng, [(n, 5)] * 3)
        far = rng.uniform(-3000, -1000, near.shape)
        largest = rng.integers(0, 5, n)
        far[np.arange(n), largest] = rng.random(n)
        if i % 3 == 2:
            far[np.arange(n), largest - 1] = rng.random(n)
            labels = largest
        cases += [(far, labels), (up + 1000, up_labels), (down - 1000, down_labels)]
    return cases


def net_cases(rng, sizes, corner=False):
    """Arguments (x, labels, w1, b1, w2, b2, lam) of a network of two layers.

    Args:
        sizes: tuples (N, D, M, K): examples, inputs, hidden neurons, classes.
        corner: whether some hidden neurons are at z = 0 exactly.
    """
    cases, draw = [], rng.standard_normal
    for n, d, m, k in sizes:
        x, labels = draw((n, d)), rng.integers(0, k, n)
        w1, b1, w2, b2 = draw((m, d)), draw(m), draw((k, m)), draw(k)
        if corner:
            x[::2], b1 = 0, b1 * (rng.random(m) < 0.5)
        cases.append((x, labels, w1, b1, w2, b2, float(rng.uniform(0.1, 0.5))))
    return cases


def digit_split(rng):
    """Digits as rows of 64 numbers in [0, 1]: 600 to learn from, and others to test with.

    Returns:
        x (600, 64), labels (600,), test x (600, 64), test labels (600,).
    """
    learn, test, _ = split(digits(), (600 / 1797, 600 / 1797, 597 / 1797), rng)
    rows = (part.images.reshape(len(part), -1).astype(float) for part in (learn, test))
    (x, test_x), (labels, test_labels) = rows, (learn.labels, test.labels)
    return x, labels, test_x, test_labels


def start(rng, d=64, m=32, k=10):
    """Parameters w1, b1, w2, b2: He's normal weights, biases zero."""
    w1, w2 = rng.standard_normal((m, d)), rng.standard_normal((k, m))
    return w1 * (2 / d) ** 0.5, np.zeros(m), w2 * (2 / m) ** 0.5, np.zeros(k)


def descend(two_layer, parameters, x, labels, lr, steps, lam):
    """Gradient descent on all examples at once.

    Args:
        two_layer: function of (x, labels, w1, b1, w2, b2, lam).
        parameters: w1, b1, w2, b2 to begin with.
    Returns:
        the last parameters, and the loss before each step.
    """
    losses = []
    for _ in range(steps):
        loss, *gradients = two_layer(x, labels, *parameters, lam)
        parameters = [w - lr * dw for w, dw in zip(parameters, gradients, strict=True)]
        losses.append(float(loss))
    return parameters, losses
