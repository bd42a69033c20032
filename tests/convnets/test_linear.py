"""The linear layer and flattening against PyTorch and numeric gradients."""

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
    shapes_nchw,
)

from convnets import functional as F
from convnets.arrays import batch_last
from convnets.shapes import ShapeError

LINEAR = (F.linear, F.linear_backward)
FLATTEN = (F.flatten, F.flatten_backward)
small = st.integers(1, 6)


@repeatable
@given(small, small, small, layouts(), st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_linear_equals_pytorch(n, d, m, layout, bias, dtype):
    x, w = (layout(normal(rows, d, seed=rows, dtype=dtype)) for rows in (n, m))
    b = normal(m, dtype=dtype) if bias else None
    check_against_autograd(*LINEAR, TF.linear, x, w, b)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_has_the_numeric_gradient(bias):
    check_numeric(*LINEAR, normal(3, 4), normal(5, 4, seed=1), normal(5) if bias else None)


@pytest.mark.parametrize("bias", [True, False])
def test_without_the_input_gradient_the_others_are_the_same(bias):
    y, cache = F.linear(normal(3, 4), normal(5, 4), normal(5) if bias else None)
    _, *others = F.linear_backward(y, cache)
    skipped, *got = F.linear_backward(y, cache, input_gradient=False)
    assert skipped is None
    for gradient, want in zip(got, others, strict=True):
        np.testing.assert_array_equal(gradient, want)


@repeatable
@given(shapes_nchw(), layouts(), st.sampled_from([np.float32, np.float64]))
def test_flatten_equals_pytorch(shape, layout, dtype):
    x = layout(normal(*shape, dtype=dtype))
    check_against_autograd(*FLATTEN, lambda x: torch.flatten(x, 1), x)


def test_flatten_has_the_numeric_gradient():
    check_numeric(*FLATTEN, normal(2, 3, 4, 5))


def test_flatten_orders_channel_row_column_and_keeps_the_batch_innermost():
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    y, _ = F.flatten(batch_last(x))
    assert np.array_equal(y, x.reshape(2, 60))
    assert y.T.flags.c_contiguous


def test_meta_tensors_give_shapes():
    x, w, b = meta(normal(2, 3, 4, 5), normal(7, 60), normal(7))
    vectors, image_cache = F.flatten(x)
    y, cache = F.linear(vectors, w, b)
    assert y.shape == (2, 7)
    dx, dw, db = F.linear_backward(y, cache)
    assert (dx.shape, dw.shape, db.shape) == ((2, 60), (7, 60), (7,))
    assert F.flatten_backward(dx, image_cache).shape == (2, 3, 4, 5)


def test_an_empty_batch_gives_zero_gradients_of_the_weights():
    y, cache = F.linear(np.zeros((0, 3)), normal(2, 3), normal(2))
    dx, dw, db = F.linear_backward(y, cache)
    assert dx.shape == (0, 3)
    assert not dw.any()
    assert not db.any()
    assert F.flatten(np.zeros((0, 3, 2, 2)))[0].shape == (0, 12)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (4, 5)), r"x has 3 features but w expects 5.*\(2, 3\).*\(4, 5\).*output first"),
        (((2, 3, 1, 1), (4, 3)), r"x must have 2 axes \(N, D\), but its shape is \(2, 3, 1, 1\)"),
        (((2, 3), (3,)), r"w must have 2 axes \(M, D\)"),
        (((2, 3), (4, 3), (3,)), r"b must have the shape \(4,\) of the rows of w, but has \(3,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, message):
    with pytest.raises(ShapeError, match=message):
        F.linear(*(np.zeros(shape) for shape in shapes))


def test_arrays_of_two_kinds_are_refused():
    with pytest.raises(TypeError, match="one dtype, got float32 and float64"):
        F.linear(np.zeros((2, 3), np.float32), np.zeros((4, 3)))
    with pytest.raises(TypeError, match="NumPy and torch on cpu"):
        F.linear(np.zeros((2, 3)), torch.zeros(4, 3))
    with pytest.raises(TypeError, match="got list"):
        F.linear([[1.0]], np.zeros((1, 1)))


def test_backward_names_a_gradient_of_the_wrong_shape():
    _, cache = F.linear(normal(2, 3), normal(4, 3))
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 4\) of the output"):
        F.linear_backward(np.zeros((4, 2)), cache)
    _, cache = F.flatten(normal(2, 3, 4, 5))
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 60\) of the output"):
        F.flatten_backward(np.zeros((60, 2)), cache)
    with pytest.raises(ShapeError, match=r"x must have 4 axes"):
        F.flatten(np.zeros((2, 3)))
