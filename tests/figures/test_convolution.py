"""The drawings of lectures 02a and 02b show the numbers that the library computes."""

import matplotlib.colors as mcolors
import matplotlib.pyplot as plt
import numpy as np
import pytest

from convnets.functional import conv2d
from convnets.plots import cells
from convnets.shapes import ShapeError
from figures import convolution as draw
from figures import fields

X = np.array([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 0], [1, 0, 1, 2]])
W = np.array([[1.0, 0], [-1, 2]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def frames(ax):
    """Outlined blocks as (row, column, height, width)."""
    return [
        (p.get_y(), p.get_x(), p.get_height(), p.get_width())
        for p in ax.patches
        if hasattr(p, "get_x") and not p.get_fill()
    ]


def correlation(x, w, stride=1):
    return conv2d(x[None, None], w[None, None], stride=stride)[0][0, 0]


def same_colour(a, b):
    return mcolors.to_rgb(a) == mcolors.to_rgb(b)


def test_numbers_are_written_as_on_paper():
    assert [cells.number(v) for v in (2.0, -1.5, 0.0, 1 / 3)] == ["2", "−1.5", "0", "0.333"]


def test_cells_keep_the_rows_of_the_array_on_top_of_each_other():
    _, ax = cells.canvas(3, 2)
    cells.draw_cells(ax, np.array([[1, 2, 3], [4, 5, 6]]))
    where = {t.get_text(): t.get_position() for t in ax.texts}
    assert where["1"] == (0.5, 0.5) and where["3"] == (2.5, 0.5) and where["4"] == (0.5, 1.5)
    top, bottom = (ax.transData.transform(where[label])[1] for label in "14")
    assert top > bottom


def test_text_can_stand_for_the_numbers_and_leave_cells_blank():
    _, ax = cells.canvas(2, 1)
    cells.draw_cells(ax, np.zeros((1, 2)), text=[["a", ""]], fill=[["#ff0000", "#00ff00"]])
    assert texts(ax) == ["a"]
    assert [
        same_colour(p.get_facecolor(), c) for p, c in zip(ax.patches, ("r", "lime"), strict=True)
    ]


@pytest.mark.parametrize(("place", "stride"), [((0, 1), 1), ((2, 2), 1), ((1, 0), 2)])
def test_sliding_window_works_the_sum_of_the_framed_place(place, stride):
    ax = draw.sliding_window(X, W, place, stride).axes[0]
    y = correlation(X, W, stride)
    assert texts(ax)[-1].endswith(f" = {cells.number(y[place])}")
    i, j = place
    assert frames(ax)[0] == (0.9 + i * stride, j * stride, 2, 2)
    window = X[i * stride : i * stride + 2, j * stride : j * stride + 2]
    factors = [term.split("·")[0] for term in texts(ax)[-1].split(" = ")[0].split(" + ")]
    assert factors == [cells.number(v) for v in window.ravel()]


def test_sliding_window_writes_each_weight_into_the_window():
    ax = draw.sliding_window(X, W, (0, 0)).axes[0]
    assert [t for t in texts(ax) if t.startswith("×")] == ["×1", "×0", "×−1", "×2"]


def test_sliding_window_takes_a_kernel_that_is_not_square():
    ax = draw.sliding_window(X, np.ones((1, 3)), (3, 1)).axes[0]
    assert texts(ax)[-1] == "0·1 + 1·1 + 2·1 = 3"


def test_a_kernel_larger_than_the_image_is_refused():
    with pytest.raises(ShapeError, match="does not fit"):
        draw.sliding_window(W, X)


def test_sliding_steps_fill_the_output_one_by_one():
    figure = draw.sliding_steps(X, W, [(0, 0), (0, 2), (1, 0)])
    y = correlation(X, W).ravel()
    for ax, done in zip(figure.axes, (1, 3, 4), strict=True):
        written = texts(ax)[X.size : -1]  # after the input, before the title
        assert written == [cells.number(v) for v in y[:done]]
    assert [texts(ax)[-1] for ax in figure.axes] == ["y[0, 0]", "y[0, 2]", "y[1, 0]"]


def test_padding_writes_one_zero_per_padded_cell():
    zeros = [texts(draw.padding(4, 3, amounts=(p,)).axes[0]).count("0") for p in (0, 1, 2)]
    assert zeros == [0, 20, 48]


def test_padding_names_the_output_size_of_each_amount():
    titles = [t for t in texts(draw.padding(5, 2, amounts=(0, 1)).axes[0]) if t not in ("0", "→")]
    assert titles == ["padding 0: 5×5 → 4×4", "padding 1: 5×5 → 6×6"]


def test_padding_draws_outputs_beside_inputs_without_overlap():
    ax = draw.padding(4, 3, amounts=(0, 1, 2)).axes[0]
    corners = [(p.get_x(), p.get_y()) for p in ax.patches if hasattr(p, "get_x") and p.get_fill()]
    assert len(set(corners)) == len(corners) == (16 + 4) + (36 + 16) + (64 + 36)


def test_stride_coverage_hatches_what_no_window_reads():
    figure = draw.stride_coverage(8, kernel=3, strides=[1, 2, 3])
    for ax, unread, windows in zip(figure.axes, (0, 1, 2), (6, 3, 2), strict=True):
        assert sum(p.get_hatch() == "///" for p in ax.patches) == unread
        assert len(ax.patches) == 8 + windows


def test_stride_coverage_sets_each_bar_under_its_window():
    ax = draw.stride_coverage(8, kernel=3, strides=[2]).axes[0]
    bars = ax.patches[8:]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 3), (2, 3), (4, 3)]


def test_channels_add_up_to_the_output_of_the_library():
    rng = np.random.default_rng(0)
    x, w = rng.integers(-2, 4, (3, 4, 3)), rng.integers(-2, 3, (3, 2, 2))
    want = conv2d(x[None].astype(float), w[None].astype(float), np.array([2.0]))[0][0, 0]
    ax = draw.channels(x, w, 2.0, place=(2, 1)).axes[0]
    assert texts(ax)[-1].startswith("y[2, 1] = ")
    assert texts(ax)[-1].endswith(f"+ 2 = {cells.number(want[2, 1])}")


def test_im2col_frames_each_column_like_its_window():
    ax = draw.im2col(np.arange(9.0).reshape(3, 3), W).axes[0]
    outlined = [p for p in ax.patches if not p.get_fill()]
    for window, column in zip(outlined[::2], outlined[1::2], strict=True):
        assert same_colour(window.get_edgecolor(), column.get_edgecolor())
        assert (window.get_height(), window.get_width()) == (2, 2)
        assert (column.get_height(), column.get_width()) == (4, 1)
    assert len({p.get_edgecolor() for p in outlined}) == 4


def test_im2col_shows_the_product():
    x = np.arange(9.0).reshape(3, 3)
    shown = texts(draw.im2col(x, W).axes[0])
    answers = [cells.number(v) for v in correlation(x, W).ravel()]
    assert any(shown[k : k + 4] == answers for k in range(len(shown)))


def test_shifts_frame_the_largest_response():
    maps = np.array([[[0.0, 3], [1, 2]], [[5.0, 3], [1, 2]]])
    figure = fields.shifts(np.zeros((2, 3, 3)), maps, ["left", "right"])
    assert [texts(ax)[-1] for ax in figure.axes] == ["max = 3", "max = 5"]
    assert [frames(ax)[0][:2] for ax in figure.axes] == [(5.0, 1.5), (5.0, 0.5)]


def test_connections_share_colours_only_in_the_convolution():
    full, local, shared = fields.connections(7, 3).axes
    assert [len(ax.lines) for ax in (full, local, shared)] == [35, 15, 15]
    assert len({line.get_color() for line in local.lines}) == 1
    assert len({(line.get_color(), line.get_linestyle()) for line in shared.lines}) == 3


def test_unrolled_is_the_matrix_of_the_convolution():
    ax = fields.unrolled(4, 2).axes[0]
    weights = dict(zip("abcd", W.ravel(), strict=True)) | {"": 0.0}
    matrix = np.array([weights[label] for label in texts_with_blanks(ax)]).reshape(9, 16)
    assert np.array_equal(matrix @ X.ravel(), correlation(X, W).ravel())


def texts_with_blanks(ax):
    """The label of every cell in drawing order, "" where there is none."""
    labels = {t.get_position(): t.get_text() for t in ax.texts}
    middles = [(p.get_x() + 0.5, p.get_y() + 0.5) for p in ax.patches]
    return [labels.get(middle, "") for middle in middles]


@pytest.mark.parametrize(
    ("kernels", "strides", "sees"),
    [([3, 3, 3], None, [3, 5, 7]), ([3, 3], [2, 1], [3, 7]), ([5, 2], [1, 1], [5, 6])],
)
def test_receptive_field_labels_and_cone_agree(kernels, strides, sees):
    ax = fields.receptive_field(kernels, strides, inputs=15).axes[0]
    assert [int(t.split()[-1]) for t in texts(ax)[1:]] == sees
    lit = [mcolors.to_hex(c).upper() == cells.INPUT for c in ax.collections[0].get_facecolors()]
    assert sum(lit) == sees[-1]
    first, last = lit.index(True), len(lit) - 1 - lit[::-1].index(True)
    assert last - first + 1 == sees[-1]


def test_receptive_field_of_more_layers_than_inputs_allow_is_refused():
    with pytest.raises(ShapeError, match="does not fit"):
        fields.receptive_field([5, 5, 5], inputs=9)


def test_strided_places_put_a_dot_on_every_window_and_on_its_output():
    ax = draw.strided_places(7, 3, 2, 1).axes[0]
    dots = [tuple(float(v[0]) for v in line.get_data()) for line in ax.lines]
    windows, outputs = dots[::2], dots[1::2]
    assert windows[:2] == [(1.5, 2.7), (3.5, 2.7)] and len(outputs) == len(set(outputs)) == 16
    assert texts(ax).count("0") == 9 * 9 - 7 * 7
    assert len([block for block in frames(ax) if block[3] == 3]) == 4


def test_first_layer_gradients_have_one_scale_for_each_kind_of_layer():
    images, dense = np.ones((2, 4, 8)), np.arange(64.0).reshape(2, 4, 8)
    axes = fields.first_layer_gradients(images, dense, np.ones((2, 3, 3))).axes
    shown = [ax.images[0] for ax in axes[:6]]
    assert [picture.get_array().shape for picture in shown[:3]] == [(4, 8), (4, 8), (3, 3)]
    assert shown[1].get_clim() == shown[4].get_clim() == (0, 63)
    assert np.array_equal(shown[4].get_array(), dense[1])


def test_kept_variance_marks_the_first_that_reaches_the_level():
    shares = {"one": np.array([0.5, 0.9, 1.0]), "two": np.array([0.99, 0.995, 1.0])}
    ax = fields.kept_variance(shares, 0.9).axes[0]
    assert [tuple(float(v[0]) for v in ax.lines[k].get_data()) for k in (1, 3)] == [
        (2, 0.9),
        (1, 0.99),
    ]
