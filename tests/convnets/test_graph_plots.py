"""The picture of a computation shows every value, and every gradient, where it passes."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch

from convnets import tape
from convnets.plots import graph
from convnets.tape import Value


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(figure, style=None):
    return sorted(
        text.get_text()
        for text in figure.axes[0].texts
        if style is None or text.get_fontstyle() == style
    )


def patches(figure, kind):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, kind)]


def product_of_a_sum():
    x, y, z = Value(-2.0, "x"), Value(5.0, "y"), Value(-4.0, "z")
    f = (x + y) * z
    f.backward()
    return f


def test_values_stand_upright_and_gradients_in_italics():
    figure = graph.computation(product_of_a_sum())
    assert texts(figure, "italic") == sorted(["−4", "−4", "−4", "3", "1"])
    want = [*"xyz", "+", "×", "−2", "5", "3", "−4", "−12"]
    assert texts(figure, "normal") == sorted(want)


def test_each_value_stands_above_its_edge_and_the_gradient_below():
    figure = graph.computation(product_of_a_sum())
    heights = {text.get_text(): -text.get_position()[1] for text in figure.axes[0].texts}
    assert heights["−12"] > heights["×"] > heights["1"]  # the last edge is level with its node


def test_there_is_a_node_for_each_value_and_an_arrow_for_each_use():
    x = Value(3.0, "x")
    y = x * x + x
    y.backward()
    figure = graph.computation(y)
    assert len(patches(figure, FancyBboxPatch)) == 1
    assert len(patches(figure, Ellipse)) == 2
    assert len(patches(figure, FancyArrowPatch)) == 2 + 2 + 1
    assert "Σ = 7" in texts(figure, "italic")


def test_no_two_nodes_and_no_two_numbers_lie_on_each_other():
    w1, x1, w2, x2, b = (Value(0.3 * k - 1, f"v{k}") for k in range(1, 6))
    y = -tape.sigmoid(w1 * x1 + w2 * x2 + b).log()
    y.backward()
    figure = graph.computation(y)
    figure.draw_without_rendering()
    nodes = [p.get_window_extent() for p in patches(figure, (Ellipse, FancyBboxPatch))]
    numbers = [text.get_window_extent().shrunk(0.8, 0.8) for text in figure.axes[0].texts]
    for boxes in (nodes, numbers):
        assert not any(p.overlaps(q) for i, p in enumerate(boxes) for q in boxes[:i])
    inside = figure.bbox
    assert all(inside.x0 <= b.x0 and b.x1 <= inside.x1 for b in numbers)
    assert all(inside.y0 <= b.y0 and b.y1 <= inside.y1 for b in numbers)


def test_gradients_may_be_left_out_and_must_be_there_otherwise():
    y = Value(2.0, "x") * 3
    assert texts(graph.computation(y, backward=False)) == sorted(["x", "× 3", "2", "6"])
    with pytest.raises(ValueError, match=r"no gradients.*backward"):
        graph.computation(y)


def test_a_name_may_be_given_a_place_of_its_own():
    f = product_of_a_sum()
    for places in (None, {"z": (0, 2)}):
        figure = graph.computation(f, places=places)
        xs = sorted(p.get_x() for p in patches(figure, FancyBboxPatch))
        assert (xs[2] > xs[0]) == (places is None)
    with pytest.raises(ValueError, match=r"no value is called w; there are x, y, z"):
        graph.computation(f, places={"w": (0, 0)})


def test_an_array_is_written_as_its_shape():
    x = Value(np.ones((2, 3)), "x")
    y = (x * 2).sum()
    y.backward()
    figure = graph.computation(y)
    assert texts(figure, "italic") == sorted(["2×3", "2×3", "1"])
    assert "12" in texts(figure, "normal")


def test_results_that_have_a_name_carry_it():
    x = Value(2.0, "x")
    z = x * 3
    z.name = "z"
    assert "z" in texts(graph.computation(z, backward=False))


def test_an_op_with_a_negative_constant_is_written_as_on_paper():
    x = Value(2.0, "x")
    labels = texts(graph.computation((x - 1) ** 2 * -2, backward=False))
    assert {"− 1", "( )²", "× (−2)"} <= set(labels)
