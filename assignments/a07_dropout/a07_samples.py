"""What the notebook of assignment a07 computes with: units, images, layers, a residual branch."""

import numpy as np


def units(rng, *shape):
    """Numbers of both signs, none of which is near 0: (N, D), or images (N, C, H, W)."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 2, shape)


def layers(rng, n=4, d=5, f=3):
    """Rows x (N, D), weights w (F, D) and biases b (F,)."""
    return units(rng, n, d), units(rng, f, d), units(rng, f)


def called(function, args, seed, rest=(), count=1):
    """What a function returns in several calls that draw from one generator, as a list.

    Args:
        function: takes args, a generator, and rest.
        args: arrays and numbers; each call gets copies.
        seed: of the generator.
        rest: what comes after the generator.
        count: of the calls.
    """
    rng = np.random.default_rng(seed)
    return [function(*map(_copy, args), rng, *rest) for _ in range(count)]


def _copy(value):
    return value.copy() if isinstance(value, np.ndarray) else value


def backward_cases(rng, sizes):
    """Arguments (dy, mask, keep_prob) of a backward pass.

    Args:
        sizes: pairs of the shape of dy and that of the mask, which is None at the test.
    """
    cases = []
    for shape, masked in sizes:
        keep_prob = float(rng.choice([0.3, 0.4, 0.7, 0.8, 0.9]))
        mask = None if masked is None else rng.random(masked) < 0.6
        if mask is not None:
            mask.flat[0], mask.flat[-1] = True, False
        cases.append((units(rng, *shape), mask, keep_prob))
    return cases


def block_of(depth_block, x, dy, w, keep_prob, survives):
    """The results of a residual block whose branch is tanh(x wᵀ), w (D, D)."""
    seen = {}

    def branch(x):
        seen["f"] = np.tanh(x @ w.T)
        return seen["f"].copy()

    def branch_backward(df):
        if "f" not in seen:
            seen["f"] = np.tanh(x @ w.T)
        return (df * (1 - seen["f"] ** 2)) @ w

    return depth_block(x, dy, branch, branch_backward, keep_prob, survives)


def calls_of(depth_block, x, dy, keep_prob):
    """How often a block calls its branch: survived, left out, and at the test; (3, 3) integers.

    The columns count the forward and the backward function, and the latter before the former.
    """
    counts = []
    for survives in (True, False, None):
        seen = [0, 0, 0]

        def branch(x, seen=seen):
            seen[0] += 1
            return 2 * x

        def branch_backward(df, seen=seen):
            seen[1] += 1
            seen[2] += not seen[0]
            return 2 * df

        depth_block(x.copy(), dy.copy(), branch, branch_backward, keep_prob, survives)
        counts.append(seen)
    return np.array(counts)


def block_cases(rng, sizes, modes):
    """Arguments (x, dy, w, keep_prob, survives) of `block_of`.

    Args:
        sizes: pairs (N, D).
        modes: values of survives; each is tried with each size.
    """
    cases = []
    for n, d in sizes:
        for survives in modes:
            x, dy, w = units(rng, n, d), units(rng, n, d), units(rng, d, d) / d
            cases.append((x, dy, w, float(rng.choice([0.3, 0.4, 0.7, 0.8])), survives))
    return cases


def schedule_cases(rng, count=3):
    """Arguments (steps, keep_prob, gamma) of a schedule at several steps."""
    cases = []
    for _ in range(count):
        steps = tuple(int(t) for t in rng.integers(1, 400, 6))
        keep_prob = float(rng.choice([0.2, 0.3, 0.7, 0.8]))
        cases.append((steps, keep_prob, float(rng.uniform(0.002, 0.02))))
    return cases
