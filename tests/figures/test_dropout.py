"""The drawings of lecture 07 show the masks and numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from figures import dropout


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def crosses(ax):
    return [line for line in ax.lines if line.get_marker() == "x"]


def connections(ax):
    return [line for line in ax.lines if line.get_marker() != "x"]


def test_a_unit_that_is_left_out_is_crossed_and_takes_its_connections_along():
    full = [np.ones(n, bool) for n in (3, 4, 2)]
    masks = [full[0], np.array([True, False, True, True]), full[2]]
    whole, masked = dropout.networks({"whole": full, "masked": masks}).axes
    assert (len(connections(whole)), len(crosses(whole))) == (20, 0)
    assert (len(connections(masked)), len(crosses(masked))) == (15, 1)


def test_weights_are_left_out_without_their_units():
    first, second = np.eye(3, dtype=bool), np.ones((2, 3), bool)
    (ax,) = dropout.networks({"weights": [first, second]}).axes
    assert (len(connections(ax)), len(crosses(ax)), len(ax.collections)) == (9, 0, 8)


def test_pictures_share_one_scale():
    rows = {"before": np.ones((2, 3, 3)), "after": np.full((2, 3, 3), 2.0)}
    figure = dropout.pictures(rows)
    assert [ax.images[0].get_clim() for ax in figure.axes] == [(0, 2)] * 4
    assert figure.axes[2].get_ylabel() == "after"


def test_clouds_show_every_point_and_the_diagonal():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    (ax,) = dropout.clouds({"a": {"points": (x, y)}}, xlabel="x", ylabel="y").axes
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), y)
    diagonal = ax.lines[1]
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
