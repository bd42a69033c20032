"""Pooling against its definition and PyTorch; the definition against numeric gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given
from hypothesis import strategies as st
from oracles import (
    check_against_autograd,
    check_against_definition,
    check_numeric,
    gradients,
    layouts,
    meta,
    normal,
    repeatable,
    same,
    shapes_nchw,
    tensors,
)

from convnets import functional as F
from convnets.arrays import rows_are_contiguous, rows_of
from convnets.functional import plain, windows
from convnets.shapes import ShapeError

MAX = (F.max_pool2d, F.max_pool2d_backward)
AVG = (F.avg_pool2d, F.avg_pool2d_backward)
PLAIN_MAX = (plain.max_pool2d, plain.max_pool2d_backward)
PLAIN_AVG = (plain.avg_pool2d, plain.avg_pool2d_backward)


@st.composite
def poolings(draw):
    """A shape (N, C, H, W), and kernel, stride and padding that fit it."""
    shape = draw(shapes_nchw())
    sides = []
    for size in shape[2:]:
        kernel = draw(st.integers(1, min(5, 2 * size)))
        padding = draw(st.integers(max(0, -(-(kernel - size) // 2)), kernel // 2))
        sides.append((kernel, draw(st.integers(1, 4)), padding))
    kernel, stride, padding = zip(*sides, strict=True)
    return shape, {"kernel_size": kernel, "stride": stride, "padding": padding}


def distinct(shape, seed=0):
    """Numbers at least 1e-2 apart, in random order: far from the kinks of max."""
    count = int(np.prod(shape))
    return np.random.default_rng(seed).permutation(count).reshape(shape) * 1e-2


def tied(shape, seed=0, dtype=np.float64):
    """Few different numbers, so that most windows have several maxima."""
    return np.random.default_rng(seed).integers(0, 3, shape).astype(dtype)


@repeatable
@given(poolings(), layouts(), st.sampled_from([np.float32, np.float64]))
def test_max_pooling_equals_pytorch_ties_included(pooling, layout, dtype):
    shape, options = pooling
    check_against_autograd(*MAX, TF.max_pool2d, layout(tied(shape, dtype=dtype)), **options)


@repeatable
@given(poolings(), layouts())
def test_max_pooling_equals_its_definition_ties_included(pooling, layout):
    shape, options = pooling
    check_against_definition(MAX, PLAIN_MAX, layout(tied(shape)), **options)


@repeatable
@given(poolings())
def test_the_definition_of_max_pooling_has_the_numeric_gradient(pooling):
    shape, options = pooling
    check_numeric(*PLAIN_MAX, distinct(shape), entries=4, **options)


@repeatable
@given(poolings(), layouts(), st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_average_pooling_equals_pytorch(pooling, layout, include, dtype):
    shape, options = pooling
    x = layout(normal(*shape, dtype=dtype))
    check_against_autograd(*AVG, TF.avg_pool2d, x, **options, count_include_pad=include)


@repeatable
@given(poolings(), layouts(), st.booleans())
def test_average_pooling_equals_its_definition(pooling, layout, include):
    shape, options = pooling
    x = layout(normal(*shape))
    check_against_definition(AVG, PLAIN_AVG, x, **options, count_include_pad=include)


@repeatable
@given(poolings(), st.booleans())
def test_the_definition_of_average_pooling_has_the_numeric_gradient(pooling, include):
    shape, options = pooling
    check_numeric(*PLAIN_AVG, normal(*shape), entries=4, **options, count_include_pad=include)


@pytest.mark.parametrize(("fast", "by_definition"), [(MAX, PLAIN_MAX), (AVG, PLAIN_AVG)])
def test_the_definitions_take_one_number_for_both_axes(fast, by_definition):
    x = normal(2, 3, 7, 6)
    check_against_definition(fast, by_definition, x, kernel_size=3, stride=2, padding=1)
    check_against_definition(fast, by_definition, x, kernel_size=2)


@repeatable
@given(shapes_nchw(), layouts(), st.sampled_from([np.float32, np.float64]))
def test_global_average_pooling_equals_pytorch(shape, layout, dtype):
    x = layout(normal(*shape, dtype=dtype))
    pair = (F.global_avg_pool2d, F.global_avg_pool2d_backward)
    check_against_autograd(*pair, lambda x: TF.adaptive_avg_pool2d(x, 1), x)


def test_global_average_pooling_has_the_numeric_gradient():
    check_numeric(F.global_avg_pool2d, F.global_avg_pool2d_backward, normal(2, 3, 4, 5))


@pytest.mark.parametrize("elements", [1, 7 * 2 * 4 * 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_blocks_of_rows_do_not_change_the_result(monkeypatch, elements, padding):
    monkeypatch.setattr(windows, "BLOCK", elements)
    options = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (padding, padding)}
    check_against_autograd(*MAX, TF.max_pool2d, tied((3, 2, 11, 5)), **options)
    check_against_autograd(*AVG, TF.avg_pool2d, normal(3, 2, 11, 5), **options)


@pytest.mark.parametrize("function", [F.max_pool2d, F.avg_pool2d])
def test_arguments_are_checked_also_where_the_shape_is_known(function):
    x = normal(1, 1, 4, 4)
    function(x, 1, 1, 0)
    for wrong in ((True, 1, 0), (1, 1.0, 0), (1, 1, False)):
        with pytest.raises(ShapeError, match="must be an integer"):
            function(x, *wrong)


@pytest.mark.parametrize("padding", [0, 2])
def test_ties_among_overlapping_windows_of_very_small_numbers(padding):
    x = tied((2, 3, 14, 14))
    x[x == 0] = -np.inf  # no more than the padding
    check_against_autograd(*MAX, TF.max_pool2d, x, kernel_size=5, stride=3, padding=padding)


def test_windows_of_more_than_256_pixels_find_their_maximum():
    x = tied((2, 2, 19, 35))
    x[0, 0, 18, 34] = 9.0  # tap number 664 does not fit eight bits
    check_against_autograd(*MAX, TF.max_pool2d, x, kernel_size=(19, 35))


def test_the_gradient_of_a_tie_goes_to_the_first_maximum_in_row_major_order():
    x = np.array([[1.0, 8.0], [8.0, 8.0]]).reshape(1, 1, 2, 2)
    _, cache = F.max_pool2d(x, 2)
    dx = F.max_pool2d_backward(np.full((1, 1, 1, 1), 5.0), cache)
    assert np.array_equal(dx[0, 0], [[0.0, 5.0], [0.0, 0.0]])


def test_overlapping_windows_add_their_gradients():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1.0
    _, cache = F.max_pool2d(x, 2, stride=1)
    dx = F.max_pool2d_backward(np.array([[1.0, 2.0], [4.0, 8.0]]).reshape(1, 1, 2, 2), cache)
    assert np.array_equal(dx[0, 0], [[0, 0, 0], [0, 15, 0], [0, 0, 0]])


def test_padding_never_wins_even_among_minus_infinities():
    check_against_autograd(
        *MAX, TF.max_pool2d, np.full((1, 2, 4, 3), -np.inf), kernel_size=3, stride=2, padding=1
    )


def test_nan_makes_the_outputs_of_its_windows_nan_as_in_pytorch():
    x = normal(2, 2, 6, 5)
    x[0, 1, 2, 3] = x[1, 0, 0, 0] = np.nan
    y, cache = F.max_pool2d(x, 3, stride=1, padding=1)
    want = TF.max_pool2d(torch.tensor(x), 3, stride=1, padding=1)
    assert np.isnan(y).any()
    np.testing.assert_array_equal(y, want.numpy())
    dx = F.max_pool2d_backward(np.ones_like(y), cache)
    assert dx.sum() == y.size  # each window's gradient still goes to one pixel


@pytest.mark.parametrize(
    ("forward", "backward"), [MAX, AVG, (F.global_avg_pool2d, F.global_avg_pool2d_backward)]
)
def test_shapes_and_layouts(forward, backward):
    options = {} if forward is F.global_avg_pool2d else {"kernel_size": (3, 2), "padding": (1, 0)}
    x = normal(4, 3, 8, 7)
    y, _, (dx,) = gradients(forward, backward, x, **options)
    assert rows_are_contiguous(rows_of(dx))
    assert rows_are_contiguous(rows_of(y))
    y_meta, cache = forward(*meta(x), **options)
    assert y_meta.shape == y.shape
    assert backward(y_meta, cache).shape == x.shape


def test_backward_may_be_called_twice():
    (x,) = tensors(normal(2, 3, 5, 4))
    for forward, backward in (MAX, AVG):
        y, cache = forward(x, 2)
        same(backward(y, cache), backward(y, cache))


def test_an_empty_batch_gives_an_empty_result():
    y, cache = F.max_pool2d(np.zeros((0, 3, 4, 4)), 2)
    assert y.shape == (0, 3, 2, 2)
    assert F.max_pool2d_backward(y, cache).shape == (0, 3, 4, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 6}, "does not fit along the height: 5 \\+ 2·0 − 6 = -1 is negative"),
        ({"kernel_size": (2, 5)}, "does not fit along the width"),
        ({"kernel_size": 2, "padding": (0, 2)}, r"at most half .* \(0, 2\) .* \(2, 2\)"),
        ({"kernel_size": 3, "padding": (2, 1)}, r"at most half .* \(2, 1\) .* \(3, 3\)"),
        ({"kernel_size": 2, "stride": 0}, "stride must be an integer >= 1"),
        ({"kernel_size": 0}, "kernel_size must be an integer >= 1"),
        ({"kernel_size": 2.0}, "kernel_size must be an integer .* is 2.0"),
        ({"kernel_size": 2, "padding": -1}, "padding must be an integer >= 0"),
    ],
)
@pytest.mark.parametrize(
    "forward", [F.max_pool2d, F.avg_pool2d, plain.max_pool2d, plain.avg_pool2d]
)
def test_arguments_that_do_not_fit_are_named(forward, options, message):
    with pytest.raises(ShapeError, match=message):
        forward(np.zeros((1, 1, 5, 4)), **options)


@pytest.mark.parametrize(
    "forward", [F.max_pool2d, F.avg_pool2d, lambda x, _: F.global_avg_pool2d(x)]
)
def test_inputs_that_are_no_batch_of_images_are_named(forward):
    with pytest.raises(ShapeError, match=r"x must have 4 axes \(N, C, H, W\).*\(3, 8, 8\)"):
        forward(np.zeros((3, 8, 8)), 2)
    with pytest.raises(TypeError, match="floating-point numbers, got uint8"):
        forward(np.zeros((1, 3, 8, 8), np.uint8), 2)


@pytest.mark.parametrize(("forward", "backward"), [MAX, AVG])
def test_backward_names_a_gradient_of_the_wrong_shape(forward, backward):
    _, cache = forward(np.zeros((1, 1, 4, 6)), 2)
    with pytest.raises(ShapeError, match=r"dy must have the shape \(1, 1, 2, 3\) of the output"):
        backward(np.zeros((1, 1, 3, 2)), cache)
