"""Output-size arithmetic and the errors that explain it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import repeatable

from convnets.shapes import (
    ShapeError,
    expect_axes,
    expect_shape,
    explain_output_size,
    output_shape,
    output_size,
    pair,
    uncovered,
    whole,
)

sizes = {
    "size": st.integers(1, 30),
    "kernel": st.integers(1, 7),
    "stride": st.integers(1, 5),
    "padding": st.integers(0, 4),
}


@repeatable
@given(**sizes)
def test_output_size_counts_the_places_where_a_window_fits(size, kernel, stride, padding):
    assume(size + 2 * padding >= kernel)
    starts = range(-padding, size + padding - kernel + 1, stride)
    assert output_size(size, kernel, stride, padding) == len(starts)


@repeatable
@given(**sizes)
def test_uncovered_counts_what_no_window_reaches_at_the_far_end(size, kernel, stride, padding):
    assume(size + 2 * padding >= kernel)
    last = range(-padding, size + padding - kernel + 1, stride)[-1]
    assert uncovered(size, kernel, stride, padding) == len(range(last + kernel, size))


def test_output_shape_treats_height_and_width_apart():
    x, w = torch.zeros(1, 1, 13, 20), torch.zeros(1, 1, 5, 3)
    want = TF.conv2d(x, w, stride=(3, 2), padding=(2, 0)).shape[2:]
    assert output_shape((13, 20), (5, 3), (3, 2), (2, 0)) == tuple(want)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((3, 7, 1, 1), r"3 \+ 2·1 − 7 = -2 is negative. Use a kernel of at most 5, .* least 2"),
        ((4, 0, 1, 0), "kernel is 0"),
        ((4, 2, 0, 0), "stride is 0"),
        ((4, 2, 1, -1), "padding is -1"),
    ],
)
def test_output_size_says_what_does_not_fit(sizes, message):
    with pytest.raises(ShapeError, match=message):
        output_size(*sizes)


def test_output_shape_names_the_axis_that_does_not_fit():
    with pytest.raises(ShapeError, match="along the width: 2"):
        output_shape((9, 2), (3, 3), (1, 1), (0, 0))


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((8, 3, 2, 0), "floor((8 + 2·0 − 3) / 2) + 1 = floor(2.5) + 1 = 3"),
        ((32, 5, 1, 2), "floor((32 + 2·2 − 5) / 1) + 1 = floor(31) + 1 = 32"),
    ],
)
def test_the_formula_is_worked_with_the_numbers(sizes, text):
    assert explain_output_size(*sizes) == text


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (3, (3, 3)),
        ((1, 2), (1, 2)),
        ([2, 1], (2, 1)),
        (np.int64(4), (4, 4)),
        (torch.Size([5, 6]), (5, 6)),
    ],
)
def test_pair_reads_one_or_two_integers(value, want):
    got = pair(value, "stride")
    assert got == want
    assert all(type(part) is int for part in got)


@pytest.mark.parametrize(
    "value", [0, -1, 2.0, "33", None, True, (1,), (1, 2, 3), (1, 0), (1, 2.5), np.array([1, 2])]
)
def test_pair_refuses_everything_else_and_shows_it(value):
    with pytest.raises(ShapeError) as caught:
        pair(value, "stride")
    assert "stride must be an integer >= 1 or a pair (height, width)" in str(caught.value)
    assert repr(value) in str(caught.value)


def test_pair_takes_a_lower_bound():
    assert pair((0, 1), "padding", minimum=0) == (0, 1)


def test_whole_reads_one_integer():
    assert whole(np.int32(3), "groups") == 3
    for value in (0, 1.5, True, (1, 2)):
        with pytest.raises(ShapeError, match="groups must be an integer >= 1, but is"):
            whole(value, "groups")


def test_expectations_hold_for_numpy_and_torch_and_name_what_was_given():
    for x in (np.zeros((2, 3)), torch.zeros(2, 3)):
        expect_axes(x, "x", "N, D")
        expect_shape(x, "x", (2, 3), like="y")
        with pytest.raises(ShapeError, match=r"x must have 1 axes \(N\), .* is \(2, 3\)"):
            expect_axes(x, "x", "N")
        with pytest.raises(ShapeError, match=r"the shape \(3, 2\) of y, but has \(2, 3\)"):
            expect_shape(x, "x", (3, 2), like="y")


def test_a_shape_error_is_a_value_error():
    assert issubclass(ShapeError, ValueError)
