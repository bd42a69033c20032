"""The drawings of lecture 06 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle, FancyArrowPatch, Polygon

from figures import normalisation


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def faces(ax, colour):
    drawn = [patch for patch in ax.patches if isinstance(patch, Polygon)]
    return sum(patch.get_facecolor() == to_rgba(colour) for patch in drawn)


def test_a_block_shows_each_cell_of_its_three_faces():
    n, c, s = 3, 4, 2
    figure = normalisation.cubes(
        {"all": np.ones((n, c, s), bool), "none": np.zeros((n, c, s), bool)}
    )
    for ax, shared in zip(figure.axes, (True, False), strict=True):
        seen = c * s + n * c + n * s
        assert faces(ax, normalisation.MARKED) == 3  # one cell, at the corner of all three
        assert faces(ax, normalisation.SHARED) == (seen - 3 if shared else 0)


def test_the_cells_that_share_are_on_the_faces_where_they_lie():
    front = np.zeros((3, 4, 2), bool)
    front[0] = True  # the image in front: its face, one row on top, one column on the right
    (ax,) = normalisation.cubes({"layer": front}).axes
    assert faces(ax, normalisation.SHARED) == 4 * 2 + 4 + 2 - 3


def test_notes_stand_under_their_block():
    shared = {"a": np.ones((1, 1, 1), bool), "b": np.ones((1, 1, 1), bool)}
    figure = normalisation.cubes(shared, ["one", "two"])
    assert ["one" in [t.get_text() for t in ax.texts] for ax in figure.axes] == [True, False]


def test_a_weight_and_its_direction_lie_on_circles_of_their_lengths():
    v, w = np.array([3.0, 4.0]), np.array([6.0, 8.0])
    dw, dv = np.array([1.0, 2.0]), np.array([-0.64, 0.48])
    (ax,) = normalisation.weight_on_circle(v, w, dw, dv, lr=3.0).axes
    circles = [patch.radius for patch in ax.patches if isinstance(patch, Circle)]
    assert circles == [5.0, 10.0]
    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == 4
    (end,) = [line.get_xydata()[0] for line in ax.lines]
    np.testing.assert_allclose(end, [4.92, 2.56])
