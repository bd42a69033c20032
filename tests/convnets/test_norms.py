"""Local response normalisation against PyTorch and numeric gradients."""

import numpy as np
import pytest
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
from convnets.arrays import batch_last
from convnets.layers import LocalResponseNorm
from convnets.shapes import ShapeError

LRN = (F.local_response_norm, F.local_response_norm_backward)


def torch_lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """PyTorch's α multiplies the mean over the window, ours and AlexNet's the sum."""
    return TF.local_response_norm(x, size, alpha * size, beta, k)


@st.composite
def arguments(draw):
    """Window sizes odd, even and wider than the channels; strong α so that it matters."""
    return {
        "size": draw(st.integers(1, 9)),
        "alpha": draw(st.floats(0.1, 2)),
        "beta": draw(st.sampled_from([0.5, 0.75, 1.3])),
        "k": draw(st.sampled_from([0.5, 1.0, 2.0])),
    }


@repeatable
@given(
    shapes_nchw(max_channels=7, max_side=4),
    layouts(),
    arguments(),
    st.sampled_from([np.float32, np.float64]),
)
def test_it_equals_pytorch(shape, layout, options, dtype):
    check_against_autograd(*LRN, torch_lrn, layout(normal(*shape, dtype=dtype)), **options)


@repeatable
@given(shapes_nchw(max_channels=7, max_side=3), layouts(), arguments())
def test_it_has_the_numeric_gradient(shape, layout, options):
    check_numeric(*LRN, layout(normal(*shape)), entries=10, **options)


def test_the_defaults_are_those_of_alexnet():
    check_against_autograd(*LRN, torch_lrn, 30 * normal(2, 8, 3, 4))


def test_one_pixel_by_hand():
    x = np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    y, _ = F.local_response_norm(x, size=3, alpha=2.0, beta=1.0, k=1.0)
    same(y.ravel(), np.array([1 / 11, 2 / 29, 3 / 27]))  # 1 + 2·(1+4), 1 + 2·14, 1 + 2·(4+9)


def test_the_memory_layout_of_the_input_is_kept():
    x = batch_last(normal(4, 6, 5, 3))
    y, cache = F.local_response_norm(x)
    assert y.strides == x.strides
    assert F.local_response_norm_backward(y, cache).strides == x.strides


def test_meta_tensors_give_shapes():
    (x,) = meta(normal(2, 3, 4, 5))
    y, cache = F.local_response_norm(x)
    assert y.shape == F.local_response_norm_backward(y, cache).shape == (2, 3, 4, 5)


def test_errors_name_what_is_wrong():
    with pytest.raises(ShapeError, match=r"size must be an integer >= 1.* is 0"):
        F.local_response_norm(normal(1, 2, 3, 4), size=0)
    with pytest.raises(ShapeError, match=r"size must be an integer >= 1.* is 2.5"):
        F.local_response_norm(normal(1, 2, 3, 4), size=2.5)
    with pytest.raises(ShapeError, match=r"x must have 4 axes"):
        F.local_response_norm(normal(2, 3))
    _, cache = F.local_response_norm(normal(1, 2, 3, 4))
    with pytest.raises(ShapeError, match=r"dy must have the shape \(1, 2, 3, 4\)"):
        F.local_response_norm_backward(normal(1, 2, 4, 3), cache)


def test_numpy_numbers_leave_float32_and_change_no_bit():
    x, dy = normal(2, 6, 3, 4, dtype=np.float32), normal(2, 6, 3, 4, seed=1, dtype=np.float32)
    want, want_cache = F.local_response_norm(x, 3, 0.1, 0.7, 1.5)
    numbers = {"alpha": np.float64(0.1), "beta": np.float64(0.7), "k": np.float64(1.5)}
    y, cache = F.local_response_norm(x, np.int64(3), **numbers)
    assert y.dtype == np.float32 and y.tobytes() == want.tobytes()
    dx, want_dx = (F.local_response_norm_backward(dy, c) for c in (cache, want_cache))
    assert dx.dtype == np.float32 and dx.tobytes() == want_dx.tobytes()


def test_the_layer_keeps_numpy_numbers_as_plain_ones():
    assert repr(LocalResponseNorm(alpha=np.float64(0.5))) == (
        "LocalResponseNorm(size=5, alpha=0.5, beta=0.75, k=2.0)"
    )
