"""What the notebook of assignment a05 computes with: random features, maps, gradients, layers."""

import numpy as np

NAMES = ("dgamma", "dbeta", "dx_hat", "dvar", "dmu", "dx")  # of the six gradients


def scale_and_shift(rng, count):
    """Random gamma, of either sign and never near 0, and beta."""
    return rng.uniform(0.5, 2, count) * rng.choice([-1, 1], count), rng.standard_normal(count)


def features(rng, shape, small=False):
    """Random values whose features, on axis 1, differ in mean and spread.

    Args:
        shape: (N, D) or (N, C, H, W).
        small: whether the spread is about that of the root of the usual ε.
    """
    wide = (1, -1) + (1,) * (len(shape) - 2)
    spread, mean = rng.uniform(0.5, 2, shape[1]), rng.standard_normal(shape[1])
    x = rng.standard_normal(shape) * spread.reshape(wide) + mean.reshape(wide)
    return 0.003 * x if small else x


def forward_cases(rng, sizes, training, steps):
    """Arguments (x, gamma, beta, running_mean, running_var, training, alpha, eps).

    Args:
        sizes: tuples (n, d), or (n, d, True) for features of a small spread.
        steps: tuples (alpha, eps), or shorter, each tried with each of the sizes.
    """
    cases = []
    for n, d, *small in sizes:
        for step in steps:
            running = rng.standard_normal(d), rng.uniform(0.5, 3, d)
            if small:
                running = 0.003 * running[0], 1e-5 * running[1]
            x = features(rng, (n, d), *small)
            cases.append((x, *scale_and_shift(rng, d), *running, training, *step))
    return cases


def step_cases(rng, sizes, eps):
    """Arguments (dy, x, gamma, eps) of the backward pass through the graph.

    Args:
        sizes: tuples (n, d), or (n, d, True) for features of a small spread.
        eps: tuples (eps,) or (), each tried with each of the sizes.
    """
    return [
        (
            rng.standard_normal(size[:2]),
            features(rng, size[:2], *size[2:]),
            scale_and_shift(rng, size[1])[0],
            *each,
        )
        for size in sizes
        for each in eps
    ]


def backward_cases(rng, shapes):
    """Arguments (dy, x_hat, gamma, root) of the closed form.

    Args:
        shapes: of x, (n, d) or (n, c, h, w).
    """
    cases = []
    for shape in shapes:
        x, axes = features(rng, shape), (0, *range(2, len(shape)))
        mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        root = np.sqrt(variance + 0.1)
        gamma, _ = scale_and_shift(rng, shape[1])
        cases.append((rng.standard_normal(shape), (x - mean) / root, gamma, root.ravel()))
    return cases


def map_cases(rng, sizes, eps):
    """Arguments (x, gamma, beta, eps) of spatial batch normalisation.

    Args:
        sizes: tuples (n, c, h, w), or with True behind it for maps of a small spread.
        eps: tuples (eps,) or (), each tried with each of the sizes.
    """
    return [
        (features(rng, size[:4], *size[4:]), *scale_and_shift(rng, size[1]), *each)
        for size in sizes
        for each in eps
    ]


def layer_cases(rng, shapes, eps, bias=True):
    """Arguments (w, b, gamma, beta, mean, var, eps) of folding.

    Args:
        shapes: of the weights, (f, d) or (f, c, kh, kw).
        eps: tuples (eps,) or (), each tried with each of the shapes.
        bias: whether the layer has one; None stands for it otherwise.
    """
    cases = []
    for shape in shapes:
        for each in eps:
            f = shape[0]
            b = rng.standard_normal(f) if bias else None
            statistics = rng.standard_normal(f), rng.uniform(0.2, 3, f)
            layer = rng.standard_normal(shape), b
            cases.append((*layer, *scale_and_shift(rng, f), *statistics, *each))
    return cases
