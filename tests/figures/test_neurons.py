"""The drawings of lecture 01 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Circle

from figures import networks, neurons


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


# neurons


def test_a_neuron_shows_inputs_weights_sum_and_answer():
    ax = neurons.neuron([1, 2], [2, -1], 0.5, np.tanh).axes[0]
    assert {"b = 0.5", "w1 = 2", "w2 = −1", "z = 0.5", "0.462"} <= set(texts(ax))
    assert len([p for p in ax.patches if isinstance(p, Circle)]) == 3 + 2


def test_a_network_has_a_line_for_each_weight_and_a_name_under_each_layer():
    ax = neurons.layers([3, 4, 2], ["in", "hidden", "out"]).axes[0]
    assert len(ax.lines) == 3 * 4 + 4 * 2 and len(ax.patches) == 9
    assert texts(ax) == ["in", "hidden", "out"]
    bottoms = min(circle.center[1] - circle.radius for circle in ax.patches)
    assert all(text.get_position()[1] < bottoms for text in ax.texts)


def test_a_plane_shows_values_from_below_points_and_levels():
    values = np.arange(12.0).reshape(3, 4)[:, :3] / 12
    figure = neurons.plane(values, 2, points={"here": (np.array([[1.0, -1]]), "o")}, levels=[0.3])
    ax = figure.axes[0]
    assert ax.images[0].origin == "lower" and ax.images[0].get_extent() == [-2, 2, -2, 2]
    np.testing.assert_array_equal(ax.images[0].get_array(), values)
    assert ax.lines[0].get_xydata().tolist() == [[1, -1]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["here"]


def test_activations_stand_left_and_derivatives_right():
    z = np.linspace(-1, 1, 5)
    left, right = neurons.activations(z, {"square": (z**2, 2 * z)}).axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), z**2)
    np.testing.assert_array_equal(right.lines[0].get_ydata(), 2 * z)


def test_points_of_two_classes_and_a_line_that_does_not_move_the_limits():
    points, classes = np.array([[0.0, 0], [1, 1], [0, 1]]), np.array([0, 0, 1])
    panels = {"a|b": (points, classes), "c|d": (points, classes)}
    line = np.array([[0.0, 0.4], [30.0, 0.6]])
    left, right = neurons.scatters(panels, ("no", "yes"), {"c|d": line}).axes
    assert (left.get_xlabel(), right.get_ylabel()) == ("a", "d")
    assert [len(each.get_xydata()) for each in left.lines] == [2, 1]
    assert len(right.lines) == 3 and right.get_xlim() == left.get_xlim()


def test_errors_are_drawn_against_steps_on_logarithmic_axes():
    steps = np.array([1e-5, 1e-3])
    ax = neurons.step_sizes(steps, {"both sides": steps**2}).axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), steps**2)


def test_each_map_has_a_scale_around_zero():
    figure = neurons.maps({"one": np.ones((3, 4, 4)), "two": np.full((1, 4, 4), -5.0)}, 1.0)
    images = [image for ax in figure.axes for image in ax.images]
    assert [image.get_clim() for image in images] == [(-1, 1)] * 3 + [(-5, 5)]
    assert [text for ax in figure.axes for text in texts(ax)] == ["one", "two"]


# networks


def test_paths_of_descents_end_in_dots():
    steps = np.linspace(1, 0, 5)[:, None, None] * np.array([[1.0, 2], [-2, 1], [3, 3]])
    paths = {"bowl": steps}  # (5 steps, 3 starts, 2)
    ax = networks.surfaces({"bowl": lambda w, b: w**2 + b**2}, paths, reach=4).axes[0]
    lines, dots = ax.lines[::3], ax.lines[2::3]
    assert len(lines) == 3
    np.testing.assert_array_equal(lines[1].get_xydata(), steps[:, 1])
    assert all(np.allclose(dot.get_xydata(), 0) for dot in dots)


def test_every_panel_has_the_function_and_the_network():
    x = np.linspace(0, 1, 9)
    figure = networks.approximations(x, x**2, {"a": x, "b": 0 * x})
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), x**2)
    np.testing.assert_array_equal(figure.axes[1].lines[1].get_ydata(), 0 * x)


def test_falling_errors_have_a_line_of_medians_and_a_dot_for_each_seed():
    widths = np.array([4, 8, 16])
    seeds = np.array([[1.0, 0.5, 0.2], [3.0, 0.7, 0.1], [2.0, 0.6, 0.3]])
    curves = {"trained": seeds, "by hand": np.array([0.5, 0.2, 0.1])}
    figure = networks.falls(widths, curves, xlabel="m", ylabel="e", bounds={"bound": 4 / widths})
    bound, median, dots, hand = figure.axes[0].lines
    assert median.get_ydata().tolist() == [2, 0.6, 0.2] and len(dots.get_ydata()) == 9
    assert bound.get_ydata().tolist() == [1, 0.5, 0.25]
    assert hand.get_ydata().tolist() == [0.5, 0.2, 0.1]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["4", "8", "16"]


def test_pieces_next_to_each_other_have_different_colours():
    grid = np.array([[0, 1], [2, 65]])
    image = networks.regions({"net": grid}, 1.0).axes[0].images[0]
    colours = image.to_rgba(image.get_array())
    assert len(np.unique(colours.reshape(4, 4), axis=0)) == 3  # 1 and 65 share one


def test_functions_are_drawn_one_a_panel():
    x = np.linspace(0, 1, 4)
    figure = networks.pieces(x, {"one": x, "two": 2 * x})
    assert [ax.lines[0].get_ydata()[-1] for ax in figure.axes] == [1, 2]


def test_by_depth_draws_means_and_every_seed():
    values = np.array([[90.0, 80.0], [92.0, 84.0]])
    ax = networks.by_depth(["pixels", "hidden 1"], {"trained": values}, ylabel="%").axes[0]
    mean, dots = ax.lines
    assert mean.get_ydata().tolist() == [91, 82]
    assert sorted(dots.get_ydata()) == [80, 84, 90, 92]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["pixels", "hidden 1"]
