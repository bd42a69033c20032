"""Namespaces, conversion between NumPy and torch, and memory layout."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from oracles import layouts, normal, repeatable, same, shapes_nchw, tensors

from convnets import arrays
from convnets.arrays import (
    asarray_like,
    batch_last,
    contiguous,
    float_namespace,
    from_rows,
    is_torch,
    namespace,
    permuted,
    rows_are_contiguous,
    rows_of,
    to_numpy,
)


def test_the_namespace_is_that_of_the_arrays():
    assert namespace(np.zeros(2), None).__name__.endswith("numpy")
    assert namespace(torch.zeros(2), None, torch.zeros(3)).__name__.endswith("torch")


@pytest.mark.parametrize("value", [1.0, [1.0], np.float64(1.0), "array"])
def test_what_is_no_array_is_named(value):
    with pytest.raises(TypeError, match=f"got {type(value).__name__}; wrap"):
        namespace(value)


def test_places_are_not_mixed():
    with pytest.raises(TypeError, match="got NumPy and torch on cpu; move them with"):
        namespace(np.zeros(2), torch.zeros(2))
    with pytest.raises(TypeError, match="got torch on cpu and torch on meta"):
        namespace(torch.zeros(2), torch.zeros(2, device="meta"))


def test_float_namespace_wants_one_floating_point_dtype():
    assert float_namespace(np.zeros(2), None, np.ones(3)).__name__.endswith("numpy")
    for integers in (np.zeros(2, np.int64), torch.zeros(2, dtype=torch.int64)):
        with pytest.raises(TypeError, match="floating-point numbers, got int64; convert"):
            float_namespace(integers)
    with pytest.raises(TypeError, match="one dtype, got float32 and float64"):
        float_namespace(torch.zeros(2), torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conversion_takes_namespace_dtype_and_device_of_the_other(dtype):
    x = normal(2, 3)
    likes = (
        np.zeros(1, dtype),
        torch.zeros(1, dtype=getattr(torch, dtype)),
        torch.zeros(1, dtype=getattr(torch, dtype), device="meta"),
    )
    for like in likes:
        for source in (x, *tensors(x), x.tolist()):
            got = asarray_like(source, like)
            assert type(got) is type(like)
            assert got.dtype == like.dtype
            assert got.device == like.device
            assert tuple(got.shape) == x.shape


def test_conversion_copies_nothing_where_nothing_changes():
    x, like = normal(3), torch.zeros(1, dtype=torch.float64)
    assert asarray_like(x, x) is x
    assert np.shares_memory(asarray_like(x, like).numpy(), x)


def test_conversion_copies_what_torch_cannot_share():
    reverse = normal(4)[::-1]
    frozen = np.broadcast_to(np.float64(2.0), (3,))
    like = torch.zeros(1, dtype=torch.float64)
    for x in (reverse, frozen):
        same(asarray_like(x, like), x)


def test_to_numpy_detaches():
    assert np.array_equal(to_numpy(torch.ones(2, requires_grad=True)), [1, 1])
    assert np.array_equal(to_numpy([1, 2]), [1, 2])


@repeatable
@given(shapes_nchw(), layouts())
def test_batch_last_changes_memory_and_no_value(shape, layout):
    x = layout(normal(*shape))
    for array in (x, *tensors(x)):
        got = batch_last(array)
        same(got, x)
        rows = rows_of(got)
        assert tuple(rows.shape) == (shape[2], shape[1], shape[3], shape[0])
        assert rows_are_contiguous(rows)
        assert batch_last(got) is got
        same(from_rows(rows), x)


@pytest.mark.parametrize("block", [1, 9 * 2 * 256, 2**17])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_last_of_images_that_collide_in_a_cache(block, dtype, monkeypatch):
    """Those of 16 × 16 pixels: they are copied some channels at a time."""
    monkeypatch.setattr(arrays, "_BLOCK", block)
    x = normal(9, 5, 16, 16, dtype=dtype)
    assert arrays._collides(x)
    lying = batch_last(x)
    assert lying.dtype == dtype
    assert rows_are_contiguous(rows_of(lying))
    assert np.array_equal(lying, x)
    assert not arrays._collides(lying)
    assert not arrays._collides(x[:, :, :15])


def test_permuted_is_a_view_for_both_libraries():
    x = normal(2, 3, 4)
    assert np.shares_memory(permuted(x, (2, 0, 1)), x)
    same(permuted(torch.tensor(x), (2, 0, 1)), x.transpose(2, 0, 1))


def test_contiguous_keeps_shapes_even_without_axes():
    assert contiguous(np.array(3.0)).shape == ()
    assert contiguous(torch.tensor(3.0)).shape == ()
    x = normal(3, 4)
    assert contiguous(x) is x
    assert contiguous(x.T).flags.c_contiguous
    assert contiguous(torch.tensor(x).T).is_contiguous()


def test_neither_a_numpy_array_nor_its_conversion_loads_torch():
    code = (
        "import sys, numpy as np; from convnets import arrays, functional as F;"
        "x = arrays.batch_last(np.zeros((2, 3, 4, 4)));"
        "F.max_pool2d_backward(*F.max_pool2d(x, 4)); assert not arrays.is_torch(x);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert is_torch(torch.zeros(1))
