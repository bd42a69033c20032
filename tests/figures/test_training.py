"""The drawings of lecture 04 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection

from convnets.callbacks import History
from convnets.search import Search, Trial
from figures import training


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def line(ax, label):
    (found,) = [each for each in ax.lines if each.get_label() == label]
    return found


def test_clouds_show_every_point_and_zero():
    points = np.array([[3.0, 1.0], [4.0, 2.0]])
    figure = training.clouds({"a": points, "b": -points}, np.eye(2))
    for ax, wanted in zip(figure.axes, (points, -points), strict=True):
        (dots,) = [c for c in ax.collections if isinstance(c, PathCollection)]
        np.testing.assert_array_equal(dots.get_offsets(), wanted)
        assert ax.get_xlim()[0] < 0 < ax.get_xlim()[1]
    assert len(figure.axes[0].texts) == 2 and len(figure.axes[1].texts) == 0


def test_lines_lie_where_their_formula_is_zero_and_the_first_is_bold():
    lines = [(1.0, 2.0, -1.0), (0.5, -1.0, 0.2)]
    points = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, -1.0]])
    (ax,) = training.shaken_lines({"a": (points, np.array([0, 1, 1]), lines)}).axes
    for drawn, (a, b, c) in zip(ax.lines, lines, strict=True):
        np.testing.assert_allclose(a * drawn.get_xdata() + b * drawn.get_ydata() + c, 0, atol=1e-12)
    assert ax.lines[0].get_linewidth() > 2 * ax.lines[1].get_linewidth()


def test_bands_show_mean_and_range():
    values = np.array([[1.0, 4.0], [3.0, 8.0]])
    (ax,) = training.bands([1, 2], {"a": values}, xlabel="x", ylabel="y").axes
    np.testing.assert_array_equal(line(ax, "a").get_ydata(), [2.0, 6.0])
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1.0, 8.0)


def test_mysteries_show_both_losses_and_that_of_a_guess():
    runs = {k: History(train_loss=[2.0, 1.0], val_loss=[2.1, 1.2]) for k in "ABCD"}
    figure = training.mysteries(runs)
    assert [ax.get_title() for ax in figure.axes] == list("ABCD")
    for ax in figure.axes:
        assert line(ax, "training").get_ydata().tolist() == [2.0, 1.0]
        assert line(ax, "validation").get_ydata().tolist() == [2.1, 1.2]
        assert ax.lines[0].get_ydata()[0] == pytest.approx(np.log(10))


def test_small_curves_hide_the_panels_that_are_left_over():
    panels = {str(k): {"": [k, k + 1]} for k in range(5)}
    figure = training.small_curves(panels, xlabel="step", ylabel="rate")
    shown = [ax for ax in figure.axes if ax.axison]
    assert [ax.lines[0].get_ydata().tolist() for ax in shown] == [[k, k + 1] for k in range(5)]


def test_a_cliff_shows_the_steps_that_are_on_it():
    w = np.linspace(0, 1, 11)
    path = np.array([0.9, 0.5, -7.0, 0.1])
    (ax,) = training.cliff(w, 1 + w, {"free": path}, lambda v: 1 + v).axes
    assert line(ax, "free").get_xdata().tolist() == [0.9, 0.5, 0.1]


def test_trials_tell_stages_and_those_given_up_apart():
    trials = (
        Trial({"lr": 0.1, "wd": 0.2}, 0.5, 0, 1.0),
        Trial({"lr": 0.9, "wd": 0.3}, np.nan, 0, 1.0, "too large"),
        Trial({"lr": 0.2, "wd": 0.2}, 0.7, 1, 1.0),
    )
    ranges = ({"lr": (0.01, 1), "wd": (0.01, 1)}, {"lr": (0.05, 0.5), "wd": (0.1, 0.5)})
    ax, bar = training.trials(Search(trials, ranges), "lr", "wd", label="accuracy").axes
    first, second, lost = ax.collections
    assert first.get_offsets().tolist() == [[0.1, 0.2]]
    assert second.get_offsets().tolist() == [[0.2, 0.2]]
    assert lost.get_offsets().tolist() == [[0.9, 0.3]]
    assert bar.get_ylabel() == "accuracy" and first.get_clim() == (0.5, 0.7)
    assert sorted(set(line(ax, "range").get_xdata())) == [0.05, 0.5]


def test_by_rate_shows_means_and_every_seed():
    values = np.array([[1.0, 2.0], [3.0, np.nan]])
    (ax,) = training.by_rate([0.1, 1.0], {"a": values}, ylabel="loss").axes
    assert line(ax, "a").get_ydata()[0] == 2.0 and np.isnan(line(ax, "a").get_ydata()[1])
    dots = np.concatenate([each.get_ydata() for each in ax.lines[1:]])
    assert np.nansum(dots) == 6.0


def test_two_panels_show_what_they_are_given():
    left, right = training.line_and_bend(np.array([3.0, 2.8]), 0.1, np.array([3.0, 1.0])).axes
    assert line(left, "−η‖g‖² a step").get_ydata().tolist() == [3.0, 2.9]
    assert right.lines[0].get_ydata().tolist() == [3.0, 1.0]
    left, right = training.widths([4, 16], np.array([2.0, 0.9]), {8: [1.0, 5.0]}).axes
    assert line(left, "measured").get_ydata().tolist() == [2.0, 0.9]
    assert line(left, "slope −½").get_ydata().tolist() == [2.0, 1.0]
    assert right.lines[0].get_ydata().tolist() == [1.0, 5.0]
    left, right = training.losses_and_norms({"a": ([1.0, 2.0], [3.0, 4.0])}).axes
    assert line(left, "a").get_ydata().tolist() == [1.0, 2.0]
    assert line(right, "a").get_ydata().tolist() == [3.0, 4.0]
