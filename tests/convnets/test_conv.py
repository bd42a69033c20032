"""Convolution against its definition and PyTorch's autograd; the definition against differences."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import (
    check_against_autograd,
    check_against_definition,
    check_numeric,
    gradients,
    layouts,
    meta,
    normal,
    pairs,
    repeatable,
    same,
    tensors,
)

from convnets.arrays import batch_last, to_numpy
from convnets.functional import (
    conv,
    conv2d,
    conv2d_backward,
    conv_blocks,
    conv_products,
    conv_rows,
    plain,
)
from convnets.shapes import ShapeError


@st.composite
def convolutions(draw):
    """x, w, b and options of a convolution whose kernel fits the padded image."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    c, f = groups * draw(st.integers(1, 4)), groups * draw(st.integers(1, 4))
    kernel, stride, padding = draw(pairs(1, 4)), draw(pairs(1, 5)), draw(pairs(0, 3))
    image = [draw(st.integers(max(1, k - 2 * p), 9)) for k, p in zip(kernel, padding, strict=True)]
    lie = draw(layouts())
    x = lie(normal(draw(st.integers(1, 3)), c, *image))
    w = lie(normal(f, c // groups, *kernel, seed=1))
    b = draw(st.sampled_from([None, normal(f, seed=2)]))
    return (x, w, b), {"stride": stride, "padding": padding, "groups": groups}


@contextmanager
def choice(unrolled):
    """All dense convolutions that can go either way, unrolled or by rows, go this way."""
    with pytest.MonkeyPatch.context() as patch:
        for bound in ("MOST_UNROLLED", "SMALL_ROW"):
            patch.setattr(conv, bound, 10**9 if unrolled else 0)
        yield


def in_float32(arrays):
    return [None if a is None else a.astype(np.float32) for a in arrays]


FAST = (conv2d, conv2d_backward)
PLAIN = (plain.conv2d, plain.conv2d_backward)


@repeatable
@given(convolutions(), st.booleans())
def test_forward_and_backward_are_the_defining_sums(case, unrolled):
    arrays, options = case
    with choice(unrolled):
        check_against_definition(FAST, PLAIN, *arrays, **options)


@repeatable
@given(convolutions())
def test_the_definition_is_pytorchs(case):
    arrays, options = case
    y, _ = plain.conv2d(*arrays, **options)
    same(y, torch.nn.functional.conv2d(*tensors(*arrays), **options))


@repeatable
@given(convolutions())
def test_the_definition_has_the_gradients_of_central_differences(case):
    arrays, options = case
    check_numeric(*PLAIN, *arrays, entries=4, **options)


def test_the_definition_takes_one_number_for_both_axes():
    arrays = normal(2, 3, 7, 6), normal(4, 3, 3, 2, seed=1), normal(4, seed=2)
    check_against_definition(FAST, PLAIN, *arrays, stride=2, padding=1)
    check_against_definition(FAST, PLAIN, *arrays)


@repeatable
@given(convolutions(), st.booleans())
@example(((normal(1, 1, 1, 1), normal(1, 1, 1, 1), None), {"stride": 3, "padding": (0, 0)}), True)
def test_gradients_equal_autograd_on_numpy_and_torch(case, unrolled):
    arrays, options = case
    with choice(unrolled):
        check_against_autograd(*FAST, torch.nn.functional.conv2d, *arrays, **options)


@repeatable
@given(convolutions(), st.booleans())
def test_gradients_equal_autograd_in_float32(case, unrolled):
    arrays, options = case
    with choice(unrolled):
        check_against_autograd(*FAST, torch.nn.functional.conv2d, *in_float32(arrays), **options)


@pytest.mark.parametrize("channels", [conv.MOST_UNROLLED, conv.MOST_UNROLLED + 1])
@pytest.mark.parametrize("batch", [1, 4])
def test_gradients_equal_autograd_on_both_sides_of_the_choice(channels, batch):
    arrays = normal(batch, channels, 6, 7), normal(40, channels, 3, 3, seed=1), normal(40, seed=2)
    check_against_autograd(*FAST, torch.nn.functional.conv2d, *arrays, padding=1)


@repeatable
@given(convolutions())
def test_without_the_input_gradient_the_others_are_the_same(case):
    arrays, options = case
    y, cache = conv2d(*arrays, **options)
    _, *others = conv2d_backward(y, cache)
    skipped, *got = conv2d_backward(y, cache, input_gradient=False)
    assert skipped is None
    for gradient, want in zip(got, others, strict=True):
        np.testing.assert_array_equal(gradient, want)


@pytest.mark.parametrize("unrolled", [True, False])
@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
@pytest.mark.parametrize("padding", [2, (4, 0)])
def test_images_of_many_blocks_of_rows(unrolled, stride, padding, monkeypatch):
    """Rows are worked on in blocks; small images fit in one, so the block is made small here."""
    monkeypatch.setattr(conv_blocks, "BLOCK", 2**12)
    monkeypatch.setattr(conv_rows, "SMALL", 0)
    arrays = normal(3, 4, 20, 17), normal(5, 4, 3, 4, seed=1), normal(5, seed=2)
    with choice(unrolled):
        check_against_autograd(
            *FAST, torch.nn.functional.conv2d, *arrays, stride=stride, padding=padding
        )


def test_blocks_of_one_row_that_see_nothing_but_padding(monkeypatch):
    monkeypatch.setattr(conv_blocks, "BLOCK", 1)
    arrays = normal(2, 3, 4, 5), normal(5, 3, 2, 3, seed=1), normal(5, seed=2)
    with choice(unrolled=True):
        check_against_definition(FAST, PLAIN, *arrays, padding=(5, 1))


@pytest.mark.parametrize("channels", [1, 3, 12, 40])
def test_memory_grows_with_the_output_and_not_with_the_unrolled_image(channels, monkeypatch):
    """A kernel of 7×7 pixels unrolls an image to seven times its size."""
    monkeypatch.setattr(conv_blocks, "BLOCK", 2**14)
    x, w = normal(1, channels, 256, 256), normal(1, channels, 7, 7, seed=1)
    y, cache = conv2d(x, w, padding=3)
    results = y.nbytes + x.nbytes + w.nbytes
    copy = x.nbytes  # with the batch innermost
    rows = 7 * 7 * channels * 256 * x.itemsize  # what a single row of the output sees
    for run in (lambda: conv2d(x, w, padding=3), lambda: conv2d_backward(y, cache)):
        assert peak_bytes(run) < results + copy + 2 * rows + 2**14 * x.itemsize


def peak_bytes(run):
    """Most bytes of NumPy arrays that are alive at once while something runs."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# Sizes of products: in need of no cut; of columns only; of lines too; too large for any; better
# laid side by side.
SIZES = [(3, 5, 7), (32, 27, 2100), (40, 300, 700), (300, 40, 700), (130, 600, 90), (80, 90, 4)]


@pytest.mark.parametrize("small_is_fast", [True, False])
@pytest.mark.parametrize(("a", "k", "length"), SIZES)
def test_products_in_pieces_are_the_whole_product(a, k, length, small_is_fast, monkeypatch):
    monkeypatch.setattr(conv_products, "_small_is_fast", lambda x: small_is_fast)
    left, right = normal(1, a, k), normal(3, k, length, seed=1)
    out = np.full((3, a, length + 2), 7.0)
    conv_products.multiply(np, left, right, out[:, :, 1:-1])
    np.testing.assert_allclose(out[:, :, 1:-1], left @ right, rtol=1e-10, atol=1e-9)
    assert np.all(out[:, :, [0, -1]] == 7.0)


@pytest.mark.parametrize("small_is_fast", [True, False])
@pytest.mark.parametrize(("a", "b"), [(3, 5), (27, 32), (100, 30), (17, 130), (600, 40)])
@pytest.mark.parametrize("length", [0, 9, 60, 3000])
def test_sums_of_products_in_pieces_are_the_whole_sum(a, b, length, small_is_fast, monkeypatch):
    monkeypatch.setattr(conv_products, "_small_is_fast", lambda x: small_is_fast)
    left, right = normal(2, a, length), normal(2, b, length, seed=1)
    got = conv_products.sum_of_products(np, left, right)
    np.testing.assert_allclose(got, np.einsum("ral,rbl->ab", left, right), rtol=1e-10, atol=1e-9)


@repeatable
@given(st.integers(1, 300), st.integers(1, 1500), st.integers(1, 5000))
def test_pieces_are_small_and_cover_a_product_once(a, k, length):
    seen = np.zeros((a, length), int)
    for lines, columns in conv_products._pieces(a, k, length):
        seen[lines, columns] += 1
        assert seen[lines, columns].size * k <= conv_products.SMALL_PRODUCT
    assert np.all(seen == 1) or not seen.any()


@repeatable
@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 3000))
def test_pieces_are_small_and_cover_a_sum_of_products_once(a, b, length):
    seen = np.zeros((a, b, length), np.int8)
    for piece in conv_products._pieces_of_sum(a, b, length):
        seen[piece] += 1
        assert seen[piece].size <= conv_products.SMALL_PRODUCT
        assert seen[piece][:, :, 0].size <= conv_products.SMALL_RESULT
    assert np.all(seen == 1) or not seen.any()


@pytest.mark.parametrize(
    ("library", "small"),
    [
        ({}, True),
        ({"architecture": "Haswell"}, False),
        ({"num_threads": 8}, False),
        ({"architecture": None}, False),
    ],
)
def test_products_are_cut_for_the_kernels_that_like_it(library, small, monkeypatch):
    openblas = {"num_threads": 1, "architecture": "SkylakeX", **library}
    found = [{"internal_api": "openmp", "num_threads": 1}, openblas]
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: found)
    assert conv_products._blas_likes_small_products.__wrapped__() is small


@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise(multiplier):
    w = normal(5 * multiplier, 1, 3, 2, seed=1)
    check_against_autograd(
        conv2d,
        conv2d_backward,
        torch.nn.functional.conv2d,
        normal(2, 5, 7, 6),
        w,
        normal(5 * multiplier, seed=2),
        stride=(2, 1),
        padding=(1, 2),
        groups=5,
    )


def test_pixels_that_no_window_reaches_get_no_gradient():
    x, w = normal(1, 2, 7, 8), normal(3, 2, 2, 2, seed=1)
    _, _, (dx, _, _) = gradients(conv2d, conv2d_backward, x, w, None, stride=4)
    unseen = np.ones((7, 8), bool)
    for i in (0, 4):
        for j in (0, 4):
            unseen[i : i + 2, j : j + 2] = False
    assert np.all(dx[:, :, unseen] == 0)
    assert np.all(dx[:, :, ~unseen] != 0)


@pytest.mark.parametrize("channels", [3, 12])
def test_an_empty_batch_gives_empty_images_and_zero_weight_gradients(channels):
    x, w = np.zeros((0, channels, 5, 5)), np.ones((4, channels, 3, 3))
    y, cache = conv2d(x, w, np.ones(4), padding=1)
    dx, dw, db = conv2d_backward(y, cache)
    assert y.shape == (0, 4, 5, 5)
    assert dx.shape == x.shape
    assert dw.shape == w.shape
    assert not dw.any()
    assert not db.any()


@pytest.mark.parametrize("lie", [np.ascontiguousarray, batch_last])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_images_come_back_with_the_batch_innermost(lie, groups):
    x, w = lie(normal(3, 4, 6, 5)), normal(8, 4 // groups, 3, 3, seed=1)
    y, _, (dx, dw, _) = gradients(conv2d, conv2d_backward, x, w, None, padding=1, groups=groups)
    assert batch_last(y) is y
    assert batch_last(dx) is dx
    assert dw.flags.c_contiguous


def test_read_only_arrays_are_accepted():
    arrays = normal(2, 3, 5, 6), normal(4, 3, 3, 2, seed=1), normal(4, seed=2)
    want = gradients(conv2d, conv2d_backward, *arrays)[2]
    for a in arrays:
        a.flags.writeable = False
    for got, expected in zip(gradients(conv2d, conv2d_backward, *arrays)[2], want, strict=True):
        same(got, expected)


@repeatable
@given(convolutions(), st.booleans())
def test_meta_tensors_give_shapes_without_numbers(case, unrolled):
    arrays, options = case
    with choice(unrolled):
        y, cache = conv2d(*meta(*arrays), **options)
    assert y.device.type == "meta"
    assert tuple(y.shape) == conv2d(*arrays, **options)[0].shape
    for grad, array in zip(conv2d_backward(y, cache), arrays, strict=True):
        assert (grad is None) == (array is None)
        assert grad is None or tuple(grad.shape) == array.shape


def test_a_torch_view_into_a_larger_tensor():
    """Tensors that start inside their storage, as a slice of a mini-batch does."""
    x, w = normal(4, 3, 6, 5), normal(2, 3, 3, 3, seed=1)
    whole = to_numpy(batch_last(x))
    rows = torch.tensor(np.ascontiguousarray(whole.transpose(2, 1, 3, 0)))
    part = rows[2:].permute(3, 1, 0, 2)
    same(conv2d(part, *tensors(w))[0], torch.nn.functional.conv2d(*tensors(x[:, :, 2:], w)))


X, W, B = np.zeros((2, 4, 6, 5)), np.zeros((8, 4, 3, 3)), np.zeros(8)


@pytest.mark.parametrize(
    ("arrays", "options", "parts"),
    [
        ((X[0], W), {}, ["x must have 4 axes (N, C, H, W)", "(4, 6, 5)"]),
        ((X, W[0]), {}, ["w must have 4 axes (F, C/groups, KH, KW)", "(4, 3, 3)"]),
        (
            (X, W[:, :3]),
            {},
            ["x has 4 channels but w expects 3", "(2, 4, 6, 5)", "(8, 3, 3, 3)", "Try w of shape"],
        ),
        ((X, W), {"groups": 2}, ["4 channels but w expects 8", "4 in each of 2 groups"]),
        ((X, W), {"groups": 3}, ["groups is 3, C is 4 and F is 8", "(2, 4, 6, 5)"]),
        ((X, W), {"groups": 0}, ["groups must be a whole number", "groups is 0"]),
        ((X, W), {"groups": 1.5}, ["groups must be a whole number", "groups is 1.5"]),
        ((X, W, B[:7]), {}, ["b must have the shape (8,)", "8 kernels", "(7,)"]),
        ((X, W, B[:, None]), {}, ["b must have the shape (8,)", "(8, 1)"]),
        (
            (X, np.zeros((8, 4, 3, 9))),
            {"padding": 1},
            ["along the width", "5 + 2·1 − 9 = -2", "(2, 4, 6, 5)", "(8, 4, 3, 9)", "at most 7"],
        ),
        ((X, W), {"stride": 0}, ["stride must be an integer >= 1", "0"]),
        ((X, W), {"stride": (1, 2, 3)}, ["stride must be", "(1, 2, 3)"]),
        ((X, W), {"padding": -1}, ["padding must be an integer >= 0", "-1"]),
    ],
)
def test_shapes_that_do_not_fit_are_named(arrays, options, parts):
    with pytest.raises(ShapeError) as error:
        conv2d(*arrays, **options)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ((X, W.astype(np.float32)), ["float32 and float64", "asarray_like"]),
        ((X.astype(int), W), ["floating-point", "int64"]),
        ((X, torch.zeros(8, 4, 3, 3)), ["NumPy and torch on cpu", "asarray_like"]),
        ((X, W, [0.0] * 8), ["got list", "np.array"]),
    ],
)
def test_mixed_kinds_of_arrays_are_named(arrays, parts):
    with pytest.raises(TypeError) as error:
        conv2d(*arrays)
    for part in parts:
        assert part in str(error.value)


def test_a_gradient_of_the_wrong_shape_or_kind_is_named():
    y, cache = conv2d(X, W, B)
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 8, 4, 3\) of the output"):
        conv2d_backward(y[:1], cache)
    with pytest.raises(TypeError, match="float32 and float64"):
        conv2d_backward(y.astype(np.float32), cache)
