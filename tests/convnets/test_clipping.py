"""Gradient clipping against torch.nn.utils."""

import numpy as np
import pytest
import torch
from oracles import normal

from convnets.optim import clip_by_norm, clip_by_value, gradient_norm

SHAPES = [(3, 4), (5,), (2, 1, 3, 3)]


def drawn(kind, dtype="float64"):
    arrays = [normal(*shape, seed=i).astype(dtype) for i, shape in enumerate(SHAPES)]
    return [torch.tensor(a) for a in arrays] if kind == "torch" else arrays


def parameters():
    made = [torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in SHAPES]
    for parameter, gradient in zip(made, drawn("torch"), strict=True):
        parameter.grad = gradient.clone()
    return made


@pytest.mark.parametrize("kind", ["NumPy", "torch"])
@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_clipping_equals_pytorchs(kind, limit):
    theirs = parameters()
    norm = torch.nn.utils.clip_grad_norm_(theirs, limit)
    ours, before = clip_by_norm(drawn(kind), limit)
    assert before == pytest.approx(float(norm), rel=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b.grad, rtol=1e-12)
    theirs = parameters()
    torch.nn.utils.clip_grad_value_(theirs, limit)
    for a, b in zip(clip_by_value(drawn(kind), limit), theirs, strict=True):
        np.testing.assert_array_equal(a, b.grad)


@pytest.mark.parametrize("kind", ["NumPy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arguments_stay_and_dtypes_are_kept(kind, dtype):
    given, before = drawn(kind, dtype), drawn(kind, dtype)
    results = [*clip_by_norm(given, np.float64(0.5))[0], *clip_by_value(given, np.float64(0.5))]
    assert {r.dtype for r in results} == {given[0].dtype}
    for a, b in zip(given, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_squares_that_overflow_float32_do_no_harm():
    clipped, norm = clip_by_norm([np.full(4, 1e30, np.float32)], 1.0)
    assert norm == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(clipped[0], 0.5, rtol=1e-6)


def test_no_gradients_have_the_norm_zero():
    assert gradient_norm([]) == 0.0 and clip_by_norm([], 1) == ([], 0.0)


@pytest.mark.parametrize("bad", [0, -1, float("nan"), "one", True])
def test_a_bound_that_is_not_positive_is_named(bad):
    with pytest.raises(ValueError, match="max_norm must be > 0, but is"):
        clip_by_norm([np.ones(2)], bad)
    with pytest.raises(ValueError, match="limit must be > 0, but is"):
        clip_by_value([np.ones(2)], bad)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_gradients_that_are_not_finite_are_named(bad):
    with pytest.raises(ValueError, match=r"norm of the gradients is (inf|nan)"):
        clip_by_norm([np.array([1.0, bad])], 1.0)
