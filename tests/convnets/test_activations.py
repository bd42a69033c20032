"""ReLU, sigmoid, tanh and softplus against PyTorch and numeric gradients."""

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
    tensors,
)

from convnets import functional as F
from convnets.arrays import batch_last
from convnets.shapes import ShapeError

ACTIVATIONS = {
    "relu": (F.relu, F.relu_backward, TF.relu),
    "sigmoid": (F.sigmoid, F.sigmoid_backward, torch.sigmoid),
    "tanh": (F.tanh, F.tanh_backward, torch.tanh),
    # PyTorch's own switches to the identity above 20.
    "softplus": (F.softplus, F.softplus_backward, lambda x: torch.logaddexp(x, x * 0)),
}
every = pytest.mark.parametrize("name", ACTIVATIONS)


@every
@repeatable
@given(
    shape=shapes_nchw() | st.tuples(st.integers(1, 5), st.integers(1, 5)),
    layout=layouts(),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_values_and_gradients_equal_pytorch(name, shape, layout, dtype):
    check_against_autograd(*ACTIVATIONS[name], layout(3 * normal(*shape, dtype=dtype)))


@every
def test_numeric_gradient(name):
    forward, backward, _ = ACTIVATIONS[name]
    x = np.linspace(-5, 5, 40).reshape(4, 10)  # none within a step of ReLU's kink
    check_numeric(forward, backward, x)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_inputs_neither_overflow_nor_warn(name, dtype):
    forward, backward, _ = ACTIVATIONS[name]
    x = np.array([-np.inf, -1000, -100, 100, 1000, np.inf], dtype)
    y, cache = forward(x)
    dx = backward(np.ones_like(y), cache)
    low, high = {"tanh": (-1, 1), "sigmoid": (0, 1)}.get(name, (0, np.inf))
    assert y.dtype == dx.dtype == dtype
    assert y[0] == low
    assert y[-1] == high
    assert np.allclose(y[1:3], low, atol=1e-30)
    assert np.allclose(dx, [0, 0, 0, *([1] * 3 if high == np.inf else [0] * 3)], atol=1e-30)


def test_sigmoid_and_softplus_keep_their_digits_far_below_zero():
    x = np.array([-40.0, -300.0])
    np.testing.assert_allclose(F.sigmoid(x)[0], np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(F.softplus(x)[0], np.exp(x), rtol=1e-14)


def test_relu_at_zero_has_gradient_zero():
    _, cache = F.relu(np.array([0.0, -0.0]))
    assert np.array_equal(F.relu_backward(np.ones(2), cache), [0, 0])


@every
def test_nan_stays_nan(name):
    assert np.isnan(ACTIVATIONS[name][0](np.array([np.nan]))[0]).all()


@every
def test_the_memory_layout_of_the_input_is_kept(name):
    forward, backward, _ = ACTIVATIONS[name]
    for x in (batch_last(normal(4, 3, 6, 5)), *tensors(normal(4, 3, 6, 5))):
        x = batch_last(x)
        y, cache = forward(x)
        dx = backward(batch_last(y), cache)
        strides = [getattr(a, "strides", None) or a.stride() for a in (x, y, dx)]
        assert strides[0] == strides[1] == strides[2]


@every
def test_meta_tensors_give_shapes(name):
    forward, backward, _ = ACTIVATIONS[name]
    (x,) = meta(normal(2, 3))
    y, cache = forward(x)
    assert y.shape == backward(y, cache).shape == (2, 3)


@every
def test_backward_may_be_called_twice(name):
    forward, backward, _ = ACTIVATIONS[name]
    y, cache = forward(normal(3, 4))
    same(backward(y, cache), backward(y, cache))


@every
def test_errors_name_what_is_wrong(name):
    forward, backward, _ = ACTIVATIONS[name]
    with pytest.raises(TypeError, match="floating-point numbers, got int64"):
        forward(np.arange(3))
    _, cache = forward(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 3\) of the output"):
        backward(np.zeros((3, 2)), cache)
