"""The drawings of lecture 03 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Circle, Rectangle

from convnets import layers as conv_layers
from convnets.functional import avg_pool2d, avg_pool2d_backward, max_pool2d
from convnets.plots import measured
from figures import lenet, pooling

X = np.array(
    [[1.0, 3, 2, 1, 0], [4, 9, 5, 0, 2], [7, 2, 3, 8, 1], [1, 0, 3, 4, 5], [0, 6, 1, 2, 3]]
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def patches(figure, kind):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, kind)]


def test_number_grids_write_every_number_the_titles_and_the_notes():
    figure = pooling.number_grids(
        {"left": np.array([[1.0, -2.5]]), "right": np.array([[0.25]])}, notes=["one", "two"]
    )
    assert sorted(texts(figure)) == sorted(["1", "−2.5", "0.25", "left", "right", "one", "two"])


def test_number_grids_leave_zero_white_and_paint_larger_numbers_deeper():
    figure = pooling.number_grids({"a": np.array([[0.0, 1.0, 2.0]])})
    zero, one, two = (sum(patch.get_facecolor()[:3]) for patch in patches(figure, Rectangle))
    assert zero == pytest.approx(3.0)
    assert zero > one > two


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (2, 1)])
def test_windows_ring_each_winner_where_it_stands_once_per_window(kernel, stride):
    x = np.random.default_rng(0).permutation(np.arange(25.0)).reshape(5, 5)
    y = max_pool2d(x[None, None], kernel, stride)[0][0, 0]
    rings = patches(pooling.windows(x, y, kernel, stride, "max"), Circle)
    left = min(ring.center[0] for ring in rings) % 1 - 0.5  # the grid's offset from whole cells
    inside = [(round(r.center[1] - 1.5), round(r.center[0] - 0.5 - left)) for r in rings]
    assert sorted(x[place] for place in inside) == sorted(y.ravel())


def test_rings_of_one_pixel_that_wins_twice_are_both_visible():
    y = max_pool2d(X[None, None], 3, 2)[0][0, 0]
    rings = patches(pooling.windows(X, y, 3, 2, "max"), Circle)
    twice = [ring.radius for ring in rings if ring.center == rings[1].center]
    assert len(twice) == len(set(twice)) == 2


def average_shares():
    _, cache = avg_pool2d(np.repeat(X[None, None], 4, axis=0), 3, 2)
    dx = avg_pool2d_backward(np.eye(4).reshape(4, 1, 2, 2), cache)
    return dx.reshape(2, 2, 5, 5)


def test_gradient_routes_paint_a_stripe_for_each_share_and_write_the_sum():
    shares, dy = average_shares(), np.array([[9.0, 18], [27, 36]])
    figure = pooling.gradient_routes(dy, shares, "dx")
    stripes = [p for p in patches(figure, Rectangle) if p.get_zorder() == 0.5]
    assert len(stripes) == np.count_nonzero(shares) == 36
    assert texts(figure).count("10 =\n1 + 2\n+ 3 + 4") == 1  # the middle is in all four windows
    assert texts(figure).count("3 =\n1 + 2") == 2  # on the upper edge


def test_gradient_routes_leave_inputs_without_gradient_white():
    shares = np.zeros((1, 1, 2, 2))
    shares[0, 0, 1, 0] = 1
    figure = pooling.gradient_routes(np.ones((1, 1)), shares, "dx")
    stripes = [p for p in patches(figure, Rectangle) if p.get_zorder() == 0.5]
    cells = [p for p in patches(figure, Rectangle) if p.get_zorder() != 0.5][1:]
    assert [p.get_xy() for p in stripes] == [cells[2].get_xy()]
    assert all(p.get_facecolor()[3] == 0 for p in cells)


def test_tie_draws_the_slopes_it_names():
    a = np.linspace(6, 10, 9)
    figure = pooling.tie(a, np.maximum(a, 8), 8, {"here": 9})
    _, left, right, middle, _, point = figure.axes[0].lines
    slopes = [
        np.diff(line.get_ydata()) / np.diff(line.get_xdata()) for line in (left, right, middle)
    ]
    assert np.ravel(slopes) == pytest.approx([0, 1, 0.5])
    assert (*point.get_xdata(), *point.get_ydata()) == (9, 9)
    assert texts(figure) == ["here"]


def test_fractional_regions_draw_a_line_where_each_region_but_the_first_starts():
    rows, columns = np.array([0, 1, 3]), np.array([0, 2, 4, 5])
    figure = pooling.fractional_regions(np.eye(6), {"draw": (rows, columns)})
    level, upright = figure.axes[0].collections
    assert (
        len(pooling.fractional_regions(np.eye(6), dict.fromkeys("abcd", (rows, columns)), 2).axes)
        == 4
    )
    assert [segment[0, 1] for segment in level.get_segments()] == [1, 3]
    assert [segment[0, 0] for segment in upright.get_segments()] == [2, 4, 5]


def test_channel_bars_are_as_high_as_the_values():
    figure = pooling.channel_bars({"before": np.array([1.0, 4]), "after": np.array([0.5, 0.25])})
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 4, 0.5, 0.25]


def test_spreads_draw_the_mean_and_every_seed():
    values = np.array([[1.0, 2], [3, 6]])
    figure = measured.spreads([8, 16], {"p": {"max": values}}, xlabel="x", ylabel="y", log2=True)
    mean, dots = figure.axes[0].lines
    assert mean.get_ydata().tolist() == [2, 4]
    assert sorted(zip(dots.get_xdata(), dots.get_ydata(), strict=True)) == [
        (8, 1), (8, 3), (16, 2), (16, 6)
    ]  # fmt: skip


def test_paired_joins_the_variants_of_one_seed():
    figure = measured.paired({"a": [1, 2], "b": [4, 3]}, ylabel="y")
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines] == [[1, 4], [2, 3]]
    bars = figure.axes[0].collections[-1].get_segments()
    assert [bar[0, 1] for bar in bars] == [1.5, 3.5]


def test_intervals_reach_half_a_width_to_either_side():
    figure = measured.intervals([1, -2], [0.5, 0.25], ["a", "b"], xlabel="x")
    ends = figure.axes[0].collections[0].get_segments()
    assert [segment[:, 0].tolist() for segment in ends] == [[0.5, 1.5], [-2.25, -1.75]]


def test_architecture_draws_a_square_for_each_map_to_scale():
    figure = lenet.architecture(
        [("C1", (6, 28, 28), 156), ("S2", (6, 14, 14), 0), ("F", (10,), 50)]
    )
    sides = [patch.get_width() for patch in patches(figure, Rectangle)]
    assert len(sides) == 6 + 6 + 1
    assert sides[0] == pytest.approx(2 * sides[6])
    assert texts(figure) == ["C1\n6×28×28", "156", "S2\n6×14×14", "", "F\n10", "50"]


def test_receptive_fields_are_drawn_in_pixels_and_stay_inside():
    figure = lenet.receptive_fields(np.eye(32), {"C1": 5, "C5": 32})
    boxes = [patch.get_bbox().bounds for patch in patches(figure, Rectangle)]
    assert boxes == [(13, 13, 5, 5), (0, 0, 32, 32)]


def test_class_maps_cross_the_peak_and_box_the_object():
    heat = np.zeros((1, 3, 3))
    heat[0, 2, 1] = 1
    figure = lenet.class_maps(np.zeros((1, 6, 6)), heat, np.array([[2, 3, 2]]), ["a"])
    (cross,) = figure.axes[0].lines
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (3, 5)
    assert patches(figure, Rectangle)[0].get_bbox().bounds == (3, 2, 2, 2)


def test_the_activation_of_the_chosen_class_has_its_score_as_mean():
    layers = conv_layers.Conv2d(1, 5, 3, rng=0), conv_layers.Linear(5, 4, rng=1)
    images = np.random.default_rng(2).random((6, 1, 8, 8), dtype=np.float32)
    heat = lenet.activation_of_chosen(*layers, images)
    scores = layers[1](layers[0](images).mean(axis=(2, 3)))  # biases start at zero
    assert heat.mean(axis=(1, 2)) == pytest.approx(scores.max(axis=1), abs=1e-5)


def test_a_peak_counts_where_its_middle_lies_on_the_object():
    heat = np.zeros((3, 4, 4))
    heat[:, 1, 2] = 1  # pixels 2 and 3 by 4 and 5, the middle at 3, 5
    corners = np.array([[3, 5], [0, 2], [4, 0]])
    assert lenet.peaks_inside(heat, corners, side=4, scale=2).tolist() == [True, True, False]
