"""What the notebook of assignment a06 computes with: random rows, feature maps, weights."""

import numpy as np


def scales(rng, count):
    """Random numbers of either sign, never near 0: gamma, or g."""
    return rng.uniform(0.5, 2, count) * rng.choice([-1, 1], count)


def values(rng, shape):
    """Random values whose examples and whose features, on axis 1, differ in mean and spread.

    Args:
        shape: (N, D) or (N, C, H, W).
    """
    one = (1,) * (len(shape) - 2)
    of_example, of_feature = (shape[0], 1, *one), (1, shape[1], *one)
    spread = rng.uniform(0.5, 2, of_example) * rng.uniform(0.5, 2, of_feature)
    mean = rng.standard_normal(of_example) + rng.standard_normal(of_feature)
    return rng.standard_normal(shape) * spread + mean


def forward_cases(rng, sizes, eps, groups=False):
    """Arguments (x, gamma, beta, eps), or (x, groups, gamma, beta, eps).

    Args:
        sizes: shapes of x; with `groups`, and the number of groups behind them.
        eps: tuples (eps,) or (), each tried with each of the sizes.
        groups: whether x is feature maps in groups.
    """
    cases = []
    for size in sizes:
        shape, count = (size[:-1], size[-1:]) if groups else (size, ())
        for each in eps:
            gamma, beta = scales(rng, shape[1]), rng.standard_normal(shape[1])
            cases.append((values(rng, shape), *count, gamma, beta, *each))
    return cases


def backward_cases(rng, sizes, eps, groups=False):
    """Arguments (dy, x, gamma, eps), or (dy, x, groups, gamma, eps), as `forward_cases`."""
    cases = []
    for size in sizes:
        shape, count = (size[:-1], size[-1:]) if groups else (size, ())
        for each in eps:
            dy = rng.standard_normal(shape) + 0.5 * rng.standard_normal(
                (*shape[:2], *[1] * (len(shape) - 2))
            )
            cases.append((dy, values(rng, shape), *count, scales(rng, shape[1]), *each))
    return cases


def weight_cases(rng, shapes):
    """Arguments (v, g, dw).

    Args:
        shapes: of v, (F, D) or (F, C, KH, KW).
    """
    return [
        (values(rng, shape), scales(rng, shape[0]), rng.standard_normal(shape)) for shape in shapes
    ]


def response_cases(rng, shapes, eps, ties=False, apart=False):
    """Arguments (x, gamma, beta, tau, dz, eps).

    Args:
        shapes: of x, (N, C, H, W).
        eps: tuples (eps,) or (), each tried with each of the shapes.
        ties: whether a third of x is 0, so that y = β there, and τ = β.
        apart: whether τ = β and no x is near 0, so that rounding, as in float32, moves no y
            across τ.
    """
    cases = []
    for shape in shapes:
        for each in eps:
            x, dz = values(rng, shape), rng.standard_normal(shape)
            gamma, beta = scales(rng, shape[1]), rng.standard_normal(shape[1])
            tau = beta + rng.uniform(-0.8, 0.8, shape[1])
            if ties:
                x, tau = np.where(rng.random(shape) < 1 / 3, 0.0, x), beta.copy()
            if apart:
                x, tau = np.copysign(0.3 + np.abs(x), x), beta.copy()
            cases.append((x, gamma, beta, tau, dz, *each))
    return cases
