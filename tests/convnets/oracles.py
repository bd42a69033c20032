"""What tests compare against: the definition, PyTorch's autograd and central differences.

Every helper takes `forward(*arrays, **options) -> (y, cache)` and `backward(dy, cache) -> grads`
in the order of `arrays`. An array may be None (a bias that is left out); its gradient must be None.
"""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

from convnets.arrays import batch_last, to_numpy

# Derandomised: a failure is a failure on every machine, not a matter of luck.
repeatable = settings(max_examples=40, deadline=None, derandomize=True)

TOLERANCE = {
    np.dtype("float64"): {"rtol": 1e-9, "atol": 1e-10},
    np.dtype("float32"): {"rtol": 2e-4, "atol": 2e-4},
}


def shapes_nchw(max_batch=3, max_channels=4, min_side=1, max_side=9):
    """Hypothesis strategy: (N, C, H, W), height and width drawn apart."""
    side = st.integers(min_side, max_side)
    return st.tuples(st.integers(1, max_batch), st.integers(1, max_channels), side, side)


def pairs(low, high):
    """Hypothesis strategy: (height, width), each from `low` to `high`."""
    return st.tuples(st.integers(low, high), st.integers(low, high))


def layouts():
    """Hypothesis strategy: a function that changes how an array lies in memory, not its values."""
    return st.sampled_from([np.ascontiguousarray, _strided, _reversed, _batch_last])


def _strided(x):
    """Every second element of a larger array along the last axis."""
    spread = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, x.dtype)
    spread[..., ::2] = x
    return spread[..., ::2]


def _reversed(x):
    """Negative strides."""
    return np.ascontiguousarray(x[::-1, ..., ::-1])[::-1, ..., ::-1]


def _batch_last(x):
    return batch_last(x) if x.ndim == 4 else np.asfortranarray(x)


def normal(*shape, seed=0, dtype=np.float64):
    """Seeded standard normal numbers of the given shape."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def tensors(*arrays):
    """Torch copies of NumPy arrays; None stays None."""
    return [None if a is None else torch.tensor(np.ascontiguousarray(a)) for a in arrays]


def meta(*arrays):
    """The same on torch's meta device: shapes without numbers."""
    return [None if t is None else t.to("meta") for t in tensors(*arrays)]


def same(got, want, what="result"):
    """Assert equality of shape, dtype and values, the values within the dtype's tolerance."""
    if want is None:
        assert got is None, f"{what}: expected None"
        return
    got, want = to_numpy(got), to_numpy(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    assert got.dtype == want.dtype, f"{what}: dtype {got.dtype}, expected {want.dtype}"
    np.testing.assert_allclose(got, want, err_msg=what, **TOLERANCE[want.dtype])


def gradients(forward, backward, *arrays, dy=None, **options):
    """Run forward and backward once: y, dy and the tuple of gradients.

    Asserts that neither changes the arrays it was given. `dy` is seeded normal where left out.
    """
    before = [None if a is None else to_numpy(a).copy() for a in arrays]
    y, cache = forward(*arrays, **options)
    if dy is None:
        dy = normal(*y.shape, seed=7).astype(to_numpy(y).dtype)
    given = torch.tensor(dy) if isinstance(y, torch.Tensor) else dy.copy()
    y_before = to_numpy(y).copy()
    grads = backward(given, cache)
    grads = grads if isinstance(grads, tuple) else (grads,)
    for name, now, then in zip("012345", arrays, before, strict=False):
        assert then is None or np.array_equal(to_numpy(now), then), f"argument {name} was changed"
    assert np.array_equal(to_numpy(given), dy), "dy was changed"
    assert np.array_equal(to_numpy(y), y_before), "backward changed y"
    assert len(grads) == len(arrays), f"{len(grads)} gradients for {len(arrays)} arrays"
    return y, dy, grads


def check_against_autograd(forward, backward, torch_fn, *arrays, **options):
    """Forward and backward on NumPy and on torch tensors must equal PyTorch's autograd.

    `torch_fn(*tensors, **options) -> y` is PyTorch's own function. Also asserts that inputs are
    left alone and that shapes and dtypes are kept.
    """
    leaves = [None if t is None else t.requires_grad_() for t in tensors(*arrays)]
    y_want = torch_fn(*leaves, **options)
    y, dy, grads = gradients(forward, backward, *arrays, **options)
    y_want.backward(torch.tensor(dy))
    want = [y_want, *(None if t is None else t.grad for t in leaves)]
    for source, got in {
        "NumPy": (y, *grads),
        "torch": _flat(gradients(forward, backward, *tensors(*arrays), dy=dy, **options)),
    }.items():
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            same(g, w, f"{source}, {'y' if i == 0 else f'gradient of argument {i - 1}'}")


def _flat(result):
    y, _, grads = result
    return (y, *grads)


def check_against_definition(fast, plain, *arrays, **options):
    """Forward and backward must equal those of `convnets.functional.plain`, on NumPy arrays.

    `fast` and `plain` are (forward, backward) each.
    """
    want, dy, want_grads = gradients(*plain, *arrays, **options)
    y, _, grads = gradients(*fast, *arrays, dy=dy, **options)
    same(y, want, "y")
    for i, (got, expected) in enumerate(zip(grads, want_grads, strict=True)):
        same(got, expected, f"gradient of argument {i}")


def check_numeric(forward, backward, *arrays, step=1e-5, entries=40, tolerance=1e-7, **options):
    """Backward must equal central differences of sum(dy * y), in float64.

    At most `entries` seeded entries of each array are moved by `step`.
    """
    _, dy, grads = gradients(forward, backward, *arrays, **options)
    rng = np.random.default_rng(3)
    for which, (array, grad) in enumerate(zip(arrays, grads, strict=True)):
        if array is None:
            continue
        assert array.dtype == np.float64, "numeric gradients need float64"
        count = min(entries, array.size)
        for flat in rng.choice(array.size, size=count, replace=False):
            at = np.unravel_index(flat, array.shape)
            up, down = (
                np.sum(dy * forward(*_moved(arrays, which, at, by), **options)[0])
                for by in (step, -step)
            )
            want = (up - down) / (2 * step)
            got = grad[at]
            assert abs(got - want) <= tolerance * max(1.0, abs(want)), (
                f"gradient of argument {which} at {tuple(map(int, at))}: {got}, expected {want}"
            )


def _moved(arrays, which, at, by):
    moved = arrays[which].copy()
    moved[at] += by
    return (*arrays[:which], moved, *arrays[which + 1 :])
