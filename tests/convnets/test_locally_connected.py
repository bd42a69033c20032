"""Locally connected layers against autograd through unfolding, and against convolution."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import (
    check_against_autograd,
    check_numeric,
    gradients,
    layouts,
    meta,
    normal,
    pairs,
    repeatable,
    same,
)

from convnets.arrays import batch_last
from convnets.functional import (
    conv2d,
    conv2d_backward,
    locally_connected2d,
    locally_connected2d_backward,
)
from convnets.shapes import ShapeError, output_shape


def by_unfolding(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    """PyTorch has no such layer: windows from `unfold`, then a sum over channel and taps."""
    ho, wo, f, _, *kernel = w.shape
    windows = torch.nn.functional.unfold(x, kernel, padding=padding, stride=stride)
    windows = windows.reshape(len(x), -1, ho, wo)
    y = torch.einsum("nkij,ijfk->nfij", windows, w.reshape(ho, wo, f, -1))
    return y if b is None else y + b


@st.composite
def layers(draw):
    """x, w, b and options of a locally connected layer whose kernel fits the padded image."""
    c, f = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel, stride, padding = draw(pairs(1, 3)), draw(pairs(1, 4)), draw(pairs(0, 2))
    image = [draw(st.integers(max(1, k - 2 * p), 6)) for k, p in zip(kernel, padding, strict=True)]
    places = output_shape(image, kernel, stride, padding)
    lie = draw(layouts())
    x = lie(normal(draw(st.integers(1, 3)), c, *image))
    w = lie(normal(*places, f, c, *kernel, seed=1))
    b = draw(st.sampled_from([None, lie(normal(f, *places, seed=2))]))
    return (x, w, b), {"stride": stride, "padding": padding}


@repeatable
@given(layers())
def test_gradients_equal_autograd_on_numpy_and_torch(case):
    arrays, options = case
    check_against_autograd(
        locally_connected2d, locally_connected2d_backward, by_unfolding, *arrays, **options
    )


@repeatable
@given(layers())
def test_gradients_equal_autograd_in_float32(case):
    arrays, options = case
    arrays = [None if a is None else a.astype(np.float32) for a in arrays]
    check_against_autograd(
        locally_connected2d, locally_connected2d_backward, by_unfolding, *arrays, **options
    )


@repeatable
@given(layers())
def test_gradients_equal_central_differences(case):
    arrays, options = case
    check_numeric(locally_connected2d, locally_connected2d_backward, *arrays, entries=6, **options)


def test_equal_weights_at_every_place_make_a_convolution():
    x, w, b = normal(2, 3, 6, 5), normal(4, 3, 3, 2, seed=1), normal(4, seed=2)
    options = {"stride": (2, 1), "padding": (1, 0)}
    y, dy, (dx, dw, db) = gradients(conv2d, conv2d_backward, x, w, b, **options)
    ho, wo = y.shape[2:]
    everywhere = (
        np.broadcast_to(w, (ho, wo, *w.shape)),
        np.broadcast_to(b[:, None, None], (4, ho, wo)),
    )
    local, _, (local_dx, local_dw, local_db) = gradients(
        locally_connected2d, locally_connected2d_backward, x, *everywhere, dy=dy, **options
    )
    same(local, y)
    same(local_dx, dx)
    same(local_dw.sum(axis=(0, 1)), dw)
    same(local_db.sum(axis=(1, 2)), db)


def test_images_come_back_with_the_batch_innermost():
    x, w = normal(3, 2, 5, 4), normal(3, 2, 4, 2, 3, 3, seed=1)
    y, _, (dx, _, _) = gradients(locally_connected2d, locally_connected2d_backward, x, w, None)
    assert batch_last(y) is y
    assert batch_last(dx) is dx


@repeatable
@given(layers())
def test_meta_tensors_give_shapes_without_numbers(case):
    arrays, options = case
    y, cache = locally_connected2d(*meta(*arrays), **options)
    assert y.device.type == "meta"
    assert tuple(y.shape) == locally_connected2d(*arrays, **options)[0].shape
    for grad, array in zip(locally_connected2d_backward(y, cache), arrays, strict=True):
        assert grad is None if array is None else tuple(grad.shape) == array.shape


X, W, B = np.zeros((2, 3, 6, 5)), np.zeros((4, 3, 7, 3, 3, 3)), np.zeros((7, 4, 3))


@pytest.mark.parametrize(
    ("arrays", "options", "parts"),
    [
        ((X[0], W), {}, ["x must have 4 axes (N, C, H, W)", "(3, 6, 5)"]),
        ((X, W[0]), {}, ["w must have 6 axes (HO, WO, F, C, KH, KW)"]),
        ((X[:, :2], W), {}, ["x has 2 channels but w expects 3", "(2, 2, 6, 5)"]),
        (
            (X, W),
            {"stride": 2},
            ["the output has 2 × 2 places but w holds weights for 4 × 3", "(2, 2, 7, 3, 3, 3)"],
        ),
        ((X, W, B[:6]), {}, ["b must have the shape (7, 4, 3)", "(6, 4, 3)"]),
        ((X[:, :, :2], W), {}, ["along the height", "2 + 2·0 − 3 = -1", "(4, 3, 7, 3, 3, 3)"]),
        ((X, W), {"stride": 0}, ["stride must be an integer >= 1"]),
    ],
)
def test_shapes_that_do_not_fit_are_named(arrays, options, parts):
    with pytest.raises(ShapeError) as error:
        locally_connected2d(*arrays, **options)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ((X, W.astype(np.float32)), "float32 and float64"),
        ((X.astype(int), W), "int64"),
        ((X, torch.zeros(4, 3, 7, 3, 3, 3)), "NumPy and torch on cpu"),
    ],
)
def test_mixed_kinds_of_arrays_are_named(arrays, part):
    with pytest.raises(TypeError, match=part):
        locally_connected2d(*arrays)


def test_a_gradient_of_the_wrong_shape_is_named():
    y, cache = locally_connected2d(X, W, B)
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 7, 4, 3\) of the output"):
        locally_connected2d_backward(y[:1], cache)
