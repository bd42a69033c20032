"""The drawings of lecture 05 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from figures import batchnorm


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_drift_shows_the_median_and_bands_that_hold_most_images():
    values = np.array([np.linspace(0, 1, 201), np.linspace(0, 2, 201)])
    (ax,) = batchnorm.drift([0, 5], {"layer 1": values}).axes
    (median,) = [line for line in ax.lines if line.get_label() == "median"]
    np.testing.assert_allclose(median.get_ydata(), [0.5, 1.0])
    heights = [band.get_paths()[0].vertices[:, 1] for band in ax.collections]
    assert [h.max() for h in heights] == pytest.approx([1.95, 1.7])
    assert ax.get_title() == "layer 1"


def test_lines_show_the_mean_and_the_range_of_seeds():
    curves = {"one": np.array([1.0, 2.0]), "two": np.array([[0.0, 4.0], [2.0, 8.0]])}
    first, second = batchnorm.lines([0, 1], {"a": curves, "b": curves}, xlabel="step").axes
    for ax, label in ((first, "a"), (second, "b")):
        assert ax.get_ylabel() == label and ax.get_xlabel() == "step"
        assert [line.get_ydata().tolist() for line in ax.lines] == [[1.0, 2.0], [1.0, 6.0]]
        heights = ax.collections[0].get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (0.0, 8.0)


def test_graph_has_every_node_with_its_value_and_gradient():
    values = {name: f"value {name}" for name in batchnorm.PLACES}
    gradients = {name: f"gradient {name}" for name in batchnorm.PLACES}
    texts = {t.get_text() for t in batchnorm.graph(values, gradients).axes[0].texts}
    assert texts == {*batchnorm.PLACES, *values.values(), *gradients.values()}
    only = {t.get_text() for t in batchnorm.graph({"x": "1 2"}).axes[0].texts}
    assert only == {*batchnorm.PLACES, "1 2"}


def test_bars_have_the_height_of_the_mean_and_a_dot_for_each_seed():
    (ax,) = batchnorm.bars({"a": [1.0, 3.0], "b": [10.0, 30.0]}, ylabel="y", line=5).axes
    assert [bar.get_height() for bar in ax.patches] == [2.0, 20.0]
    assert [list(line.get_ydata()) for line in ax.lines[:2]] == [[1.0, 3.0], [10.0, 30.0]]
    assert [text.get_text() for text in ax.texts] == ["2", "20"]
    assert list(ax.lines[2].get_ydata()) == [5, 5]
