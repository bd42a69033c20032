"""Fractional max pooling: where its windows lie, and its gradient."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given
from hypothesis import strategies as st
from oracles import (
    check_against_autograd,
    check_numeric,
    layouts,
    meta,
    normal,
    repeatable,
    same,
    shapes_nchw,
)

from convnets import functional as F
from convnets.arrays import rows_are_contiguous, rows_of
from convnets.functional.fractional_pool import window_starts
from convnets.shapes import ShapeError


def forward(x, output_size, kernel_size=2, seed=0):
    """The function under test with a fresh generator, so that every call draws the same regions."""
    return F.fractional_max_pool2d(x, output_size, np.random.default_rng(seed), kernel_size)


def with_torch(x, output_size, kernel_size=2, seed=0):
    """PyTorch's version, given the same two numbers; it takes the width's first."""
    u = np.random.default_rng(seed).random(2)[::-1].copy()
    samples = torch.tensor(u).expand(*x.shape[:2], 2).contiguous()
    return TF.fractional_max_pool2d(x, kernel_size, output_size, _random_samples=samples)


@st.composite
def poolings(draw):
    """A shape (N, C, H, W), and an output size and kernel that fit it."""
    shape = draw(shapes_nchw(min_side=2))
    kernel = tuple(draw(st.integers(1, min(3, size))) for size in shape[2:])
    output = tuple(
        draw(st.integers(1, size - k + 1)) for size, k in zip(shape[2:], kernel, strict=True)
    )
    return shape, {"output_size": output, "kernel_size": kernel, "seed": draw(st.integers(0, 99))}


@repeatable
@given(poolings(), layouts(), st.sampled_from([np.float32, np.float64]))
def test_it_equals_pytorch_given_the_same_random_numbers(pooling, layout, dtype):
    shape, options = pooling
    x = np.random.default_rng(1).permutation(int(np.prod(shape))).reshape(shape).astype(dtype)
    # PyTorch rounds α·(i + u) in the dtype of x: compare where float32 and float64 agree.
    check_against_autograd(
        forward, F.fractional_max_pool2d_backward, with_torch_in_float64, layout(x), **options
    )


def with_torch_in_float64(x, **options):
    """`with_torch`, its windows placed in float64 whatever the dtype of x."""
    return with_torch(x.double(), **options).to(x.dtype)


@repeatable
@given(poolings(), layouts())
def test_it_has_the_numeric_gradient(pooling, layout):
    shape, options = pooling
    x = np.random.default_rng(1).permutation(int(np.prod(shape))).reshape(shape) * 1e-2
    check_numeric(forward, F.fractional_max_pool2d_backward, layout(x), entries=10, **options)


def test_the_gradient_of_a_tie_goes_to_the_first_maximum():
    y, cache = forward(np.ones((1, 1, 3, 3)), 2)
    dx = F.fractional_max_pool2d_backward(np.ones_like(y), cache)
    assert np.array_equal(dx[0, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


@repeatable
@given(st.integers(1, 60), st.integers(1, 4), st.data())
def test_windows_go_from_end_to_end_by_the_two_steps_next_to_alpha(size, kernel, data):
    size += kernel
    count = data.draw(st.integers(2, size - kernel + 1))
    u = data.draw(st.floats(0, 1, exclude_max=True))
    starts = window_starts(size, count, kernel, u)
    alpha = (size - kernel) / (count - 1)
    assert starts[0] == 0
    assert starts[-1] == size - kernel
    steps = set(np.diff(starts).tolist())
    assert steps <= {int(np.floor(alpha)), int(np.ceil(alpha))}


def test_starts_follow_the_formula_of_the_paper():
    # α = (11 − 2) / (7 − 1) = 1.5; ceil(1.5·(i + 0.3)) = 1 2 4 5 7 8 10, less ceil(0.45) = 1
    assert window_starts(11, count=7, kernel=2, u=0.3).tolist() == [0, 1, 3, 4, 6, 7, 9]
    # ceil, not floor, tells where α·(i + u) is whole: ceil(1.5·i) = 0 2 3 5 6 8 9
    assert window_starts(11, count=7, kernel=2, u=0.0).tolist() == [0, 2, 3, 5, 6, 8, 9]


def test_every_pixel_is_covered_while_alpha_is_at_most_the_kernel():
    for u in np.linspace(0, 0.99, 12):
        starts = window_starts(25, count=14, kernel=2, u=float(u))
        assert set((starts[:, None] + [0, 1]).ravel()) == set(range(25))


def test_regions_are_shared_by_images_and_channels_and_change_between_calls():
    x = np.broadcast_to(normal(17, 17), (3, 2, 17, 17))
    rng = np.random.default_rng(0)
    first, _ = F.fractional_max_pool2d(x, 11, rng)
    assert (first == first[:1, :1]).all()
    others = [F.fractional_max_pool2d(x, 11, rng)[0] for _ in range(5)]
    assert any((other != first).any() for other in others)


def test_a_seed_fixes_the_result_and_torch_equals_numpy():
    x = normal(2, 3, 9, 11)
    y, _ = forward(x, (6, 7), seed=5)
    same(forward(x, (6, 7), seed=5)[0], y)
    same(forward(torch.tensor(x), (6, 7), seed=5)[0], y)


def test_a_torch_generator_serves_torch_arrays():
    x = torch.tensor(normal(2, 3, 9, 11))
    first, second = (
        F.fractional_max_pool2d(x, (6, 7), torch.Generator().manual_seed(4))[0] for _ in range(2)
    )
    assert torch.equal(first, second)


def test_shapes_and_layouts():
    x = normal(2, 3, 9, 11)
    for array in (x, *meta(x)):
        y, cache = forward(array, (6, 7))
        assert y.shape == (2, 3, 6, 7)
        dx = F.fractional_max_pool2d_backward(y, cache)
        assert dx.shape == x.shape
        assert rows_are_contiguous(rows_of(y))
        assert rows_are_contiguous(rows_of(dx))


def test_errors_name_what_does_not_fit():
    x = np.zeros((1, 1, 5, 8))
    with pytest.raises(ShapeError, match=r"5 windows of 2 do not fit 5 pixels.* = 4"):
        forward(x, 5)
    with pytest.raises(ShapeError, match="output_size must be an integer >= 1"):
        forward(x, 0)
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator.* but is int"):
        F.fractional_max_pool2d(x, 3, 0)
    with pytest.raises(ShapeError, match=r"x must have 4 axes"):
        forward(x[0], 3)
    _, cache = forward(x, 3)
    with pytest.raises(ShapeError, match=r"dy must have the shape \(1, 1, 3, 3\)"):
        F.fractional_max_pool2d_backward(x, cache)
