"""Counts and receptive fields: by hand, by arithmetic and by gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from convnets import layers as L
from convnets.inspect import (
    activation_shapes,
    count_multiply_adds,
    count_parameters,
    measured_receptive_field,
    receptive_field,
    summary,
)
from convnets.layers.fields import PIXEL, VARIES, WHOLE_IMAGE, union
from convnets.models import lenet
from convnets.shapes import ShapeError


def conv(kernel_size, **options):
    return L.Conv2d(1, 1, kernel_size, rng=0, **options)


def vgg_like():
    return L.Sequential(*(conv(3, padding=1) for _ in range(3)))


def stem():
    return L.Sequential(conv(7, stride=2, padding=3), L.MaxPool2d(3, stride=2, padding=1))


def mixed():
    """Strides, paddings, pooling, side branches of different reach, H unlike W."""
    return L.Sequential(
        conv((3, 5), stride=(1, 2), padding=(1, 0)),
        L.Softplus(),
        L.MaxPool2d(2, stride=(2, 1)),
        L.Residual(L.Sequential(conv(3, padding=1), L.Tanh(), conv((1, 3), padding=(0, 1)))),
        L.Concat(L.AvgPool2d(3, stride=1, padding=1), conv((1, 5), padding=(0, 2))),
        L.Conv2d(2, 2, 3, rng=0),
    )


# Counts


@pytest.mark.parametrize(
    ("layer", "shape", "parameters", "multiply_adds"),
    [
        (L.Conv2d(1, 6, 5), (1, 32, 32), 6 * 25 + 6, 28 * 28 * 6 * 25),
        (L.Conv2d(4, 8, (1, 3), stride=2, bias=False), (4, 7, 9), 96, 4 * 4 * 8 * 4 * 3),
        (L.Conv2d(4, 8, 3, padding=1, groups=4), (4, 5, 5), 8 * 9 + 8, 25 * 8 * 9),
        (L.Linear(400, 120), (400,), 48120, 48000),
        (L.LocallyConnected2d(2, 3, 5, 3), (2, 5, 5), 9 * 3 * 2 * 9 + 3 * 9, 9 * 3 * 2 * 9),
        (L.Sequential(L.ReLU(), L.MaxPool2d(2), L.LocalResponseNorm()), (6, 4, 4), 0, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, L.Layer) else None,
)
def test_counts_by_hand(layer, shape, parameters, multiply_adds):
    assert count_parameters(layer) == parameters
    assert count_multiply_adds(layer, shape) == multiply_adds


def test_a_locally_connected_layer_computes_as_much_as_a_convolution_and_stores_more():
    shared = L.Conv2d(2, 3, 3, bias=False)
    own = L.LocallyConnected2d(2, 3, input_size=8, kernel_size=3, bias=False)
    assert count_multiply_adds(own, (2, 8, 8)) == count_multiply_adds(shared, (2, 8, 8))
    assert count_parameters(own) == 36 * count_parameters(shared)


def test_lenet_by_hand():
    model = lenet(size=32, rng=0)
    assert count_parameters(model) == 156 + 2416 + 48120 + 10164 + 850
    want = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10
    assert count_multiply_adds(model, (1, 32, 32)) == want


def test_parameters_of_a_torch_module_are_counted():
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 5), torch.nn.BatchNorm2d(6))
    assert count_parameters(module) == 156 + 12


def test_shapes_inside_branches_have_names():
    model = L.Sequential(L.Concat(L.Conv2d(2, 3, 1), L.Sequential(L.ReLU())), L.Flatten())
    assert activation_shapes(model, (2, 4, 5)) == {
        "": (100,),
        "0": (5, 4, 5),
        "0.0": (3, 4, 5),
        "0.1": (2, 4, 5),
        "0.1.0": (2, 4, 5),
        "1": (100,),
    }


def test_looking_at_a_model_does_not_touch_it():
    model = L.Sequential(L.Conv2d(1, 2, 3, rng=0), L.FractionalMaxPool2d(4, rng=0))
    before = vars(model[0]).copy()
    drawn = model[1].rng.bit_generator.state
    summary(model, (1, 8, 8))
    measured_receptive_field(model, (1, 8, 8))
    assert vars(model[0]) == before
    assert model[0].weight.grad is None and model.training
    assert model[1].rng.bit_generator.state == drawn


def test_models_of_tensors_can_be_looked_at():
    model = lenet(size=8, rng=0).to(torch.empty(0, dtype=torch.float64))
    assert activation_shapes(model, (1, 8, 8))[""] == (10,)
    assert measured_receptive_field(model[:3], (1, 8, 8)).sum() == 16


def test_a_wrong_input_names_the_layer():
    with pytest.raises(ShapeError, match="Linear"):
        summary(lenet(size=28, rng=0), (1, 40, 40))


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match="got Linear; of a torch module"):
        activation_shapes(torch.nn.Linear(1, 1), (1,))


# Receptive fields


@pytest.mark.parametrize(
    ("model", "size", "stride", "start"),
    [
        (vgg_like(), (7, 7), (1, 1), (-3, -3)),
        (L.Sequential(conv(3), conv(3)), (5, 5), (1, 1), (0, 0)),
        (L.Sequential(conv((1, 7)), conv((7, 1))), (7, 7), (1, 1), (0, 0)),
        (stem(), (11, 11), (4, 4), (-5, -5)),
        (L.Residual(conv(5, padding=2)), (5, 5), (1, 1), (-2, -2)),
        (L.Concat(conv(3, padding=1), conv((5, 1), padding=(2, 0))), (5, 3), (1, 1), (-2, -1)),
        # Two windows side by side: together they reach further than either.
        (L.Concat(conv(2), conv(2, padding=1)), (3, 3), (1, 1), (-1, -1)),
        (L.Flatten(), (1, 1), (1, 1), (0, 0)),
    ],
    ids=str,
)
def test_receptive_fields_by_hand(model, size, stride, start):
    field = receptive_field(model)
    assert (field.size, field.stride, field.start) == (size, stride, start)


def test_lenet_receptive_field_by_hand():
    layers = receptive_field(lenet(size=32, rng=0)).layers
    sizes = {"0": 5, "1": 5, "2": 6, "3": 14, "4": 14, "5": 16, "6": 16, "7": math.inf}
    assert {name: layers[name].size[0] for name in sizes} == sizes
    assert [layers[name].stride[0] for name in "0235"] == [1, 2, 2, 4]


def test_a_layer_that_averages_all_sees_all():
    assert receptive_field(L.Sequential(conv(3), L.GlobalAvgPool2d())).size == (math.inf, math.inf)


def test_fractional_pooling_has_no_one_size():
    assert all(map(math.isnan, receptive_field(L.FractionalMaxPool2d(4)).size))


def test_branches_of_different_stride_are_refused():
    with pytest.raises(ValueError, match=r"^1: the branches have strides \[\(1, 1\), \(2, 2\)\]"):
        receptive_field(L.Sequential(L.ReLU(), L.Concat(conv(1), conv(1, stride=2))))


@pytest.mark.parametrize(
    "model",
    [
        vgg_like(),
        mixed(),
        L.Sequential(stem(), conv(3, padding=1)),
        lenet(size=32, rng=0)[:6],
        lenet(size=32, filters=(2, 3), rng=0)[:4],
    ],
    ids=["three 3×3", "mixed", "stem", "LeNet", "LeNet without its second pool"],
)
def test_arithmetic_and_gradient_agree(model):
    shape = (1, 40, 44)
    mask = measured_receptive_field(model, shape, samples=128)
    field, output = receptive_field(model), activation_shapes(model, shape)[""][1:]
    for axis, reached in enumerate((mask.any(axis=1), mask.any(axis=0))):
        first = field.start[axis] + field.stride[axis] * (output[axis] // 2)
        window = range(first, first + field.size[axis])
        assert window[0] >= 0 and window[-1] < shape[1 + axis], "the window lies inside"
        assert np.flatnonzero(reached).tolist() == list(window)


def test_a_plain_stack_fills_its_window_and_crossed_branches_do_not():
    assert measured_receptive_field(vgg_like(), (1, 11, 11)).sum() == 49
    cross = L.Concat(conv((1, 3), padding=(0, 1)), conv((3, 1), padding=(1, 0)))
    assert measured_receptive_field(cross, (1, 5, 5)).sum() == 5
    assert receptive_field(cross).size == (3, 3)


def test_scores_see_the_whole_image():
    assert measured_receptive_field(lenet(size=8, rng=0), (1, 8, 8)).all()


# The table


def test_summary_adds_up_and_lists_each_layer_once():
    model = lenet(size=32, rng=0)
    table = summary(model, (1, 32, 32))
    assert [row[0] for row in table.rows] == [str(i) for i in range(12)]
    assert table.parameters == sum(row[3] for row in table.rows) == 61706
    assert table.multiply_adds == sum(row[4] for row in table.rows) == 416520
    assert table.rows[3][1:] == (
        "Conv2d(6, 16, kernel_size=5)", "16×10×10", 2416, 240000, "14×14"
    )  # fmt: skip


def test_summary_is_a_table_in_text_and_in_html():
    model = L.Sequential(conv(3), L.FractionalMaxPool2d(2), L.Flatten(), L.Linear(4, 2))
    table = summary(model, (1, 6, 6))
    text, html = repr(table).splitlines(), table._repr_html_()
    assert text[0].split() == [
        "layer",
        "output",
        "parameters",
        "multiply-adds",
        "receptive",
        "field",
    ]
    assert text[2].split()[-1] == "3×3"
    assert text[3].endswith("varies") and text[5].endswith("whole image")
    assert html.count("<tr>") == len(table.cells()) == 6
    for cell in ("<td", "1×4×4", "whole image"):
        assert cell in html


# Layers that say what they cost and see


class Gate(L.Layer):
    """Squeeze and excitation: every map is scaled by what all pixels of all maps say."""

    def __init__(self, channels, rng=0):
        self.gate = L.Sequential(
            L.GlobalAvgPool2d(), L.Flatten(), L.Linear(channels, channels, rng=rng), L.Sigmoid()
        )

    def children(self):
        return {"gate": self.gate}

    def forward(self, x):
        self.cache = x, self.gate(x)[:, :, None, None]
        return x * self.cache[1]

    def backward(self, dy):
        x, scale = self.cache
        return dy * scale + self.gate.backward((dy * x).sum((2, 3)))


class KnownGate(Gate):
    """The same, which says what it sees and costs."""

    def field(self, before):
        self.gate.field(before)
        return before.whole_image()

    def multiply_adds(self, inputs, outputs):
        return 0


class Mixing(L.Layer):
    """A layer with products and parameters of its own around another: half of an attention."""

    def __init__(self):
        self.mix = L.Parameter(np.ones((4, 4), np.float32))
        self.inner = L.Linear(4, 4, rng=0)

    def children(self):
        return {"inner": self.inner}

    def forward(self, x):
        return self.inner(x) @ self.mix.data

    def field(self, before):
        return self.inner.field(before)

    def multiply_adds(self, inputs, outputs):
        return inputs[0] * outputs[0]


def test_squeeze_and_excitation_sees_the_whole_image():
    model = L.Sequential(L.Conv2d(1, 4, 3, padding=1, rng=0), KnownGate(4), L.MaxPool2d(2))
    field = receptive_field(model)
    assert field.size == (math.inf, math.inf)
    assert field.stride == (2, 2)
    assert field.layers["0"].size == (3, 3)
    assert field.layers["1.gate.0"].size == (math.inf, math.inf)
    assert measured_receptive_field(model, (1, 9, 9)).all()
    assert count_multiply_adds(model, (1, 6, 6)) == 36 * 4 * 9 + 16
    assert [row[0] for row in summary(model, (1, 6, 6)).rows][-2:] == ["1.gate.3", "2"]


def test_a_layer_that_does_not_say_what_it_sees_is_named():
    model = L.Sequential(L.Conv2d(1, 4, 3, padding=1, rng=0), Gate(4))
    for look in (receptive_field, lambda m: summary(m, (1, 6, 6))):
        with pytest.raises(NotImplementedError, match=r"^Gate does not say which pixels") as error:
            look(model)
        assert "before.whole_image()" in str(error.value)


def test_a_layer_that_does_not_say_what_it_costs_is_named():
    class Scale(L.Layer):
        def forward(self, x):
            return 2 * x

        def extra_repr(self):
            return "by=2"

    model = L.Sequential(L.ReLU(), Scale())
    with pytest.raises(NotImplementedError, match=r"^Scale\(by=2\) does not say how many") as error:
        count_multiply_adds(model, (1, 6, 6))
    assert "multiply_adds(self, inputs, outputs)" in str(error.value)
    assert activation_shapes(model, (1, 6, 6))["1"] == (1, 6, 6), "shapes need no such words"


def test_every_layer_of_the_library_says_both():
    kinds = [kind for kind in vars(L).values() if isinstance(kind, type)]
    layers = [kind for kind in kinds if issubclass(kind, L.Layer)]
    silent = {
        kind.__name__
        for kind in layers
        for name in ("field", "multiply_adds")
        if getattr(kind, name) is getattr(L.Layer, name)
    }
    assert len(layers) > 15
    assert silent == {"Layer", "Container"}


def test_products_of_a_layer_around_others_are_counted_and_listed():
    model = L.Sequential(Mixing(), L.ReLU())
    table = summary(model, (4,))
    assert count_multiply_adds(model, (4,)) == table.multiply_adds == 32
    assert [(row[0], row[1], *row[3:5]) for row in table.rows] == [
        ("0", "Mixing", 16, 16), ("0.inner", "Linear(4, 4)", 20, 16), ("1", "ReLU()", 0, 0)
    ]  # fmt: skip


# The arithmetic of fields


windows = st.tuples(st.integers(1, 4), st.integers(1, 4))


@repeatable
@given(st.lists(st.tuples(windows, windows, windows), max_size=4), st.integers(0, 5))
def test_windows_of_windows_are_what_indices_say(layers, at):
    field = PIXEL
    for kernel, stride, padding in layers:
        field = field.window(kernel, stride, padding)
    for axis in (0, 1):
        first, last = at, at
        for kernel, stride, padding in reversed(layers):
            first = first * stride[axis] - padding[axis]
            last = last * stride[axis] - padding[axis] + kernel[axis] - 1
        assert field.start[axis] + at * field.stride[axis] == first
        assert field.size[axis] == last - first + 1


def test_nothing_lies_beyond_the_whole_image():
    assert WHOLE_IMAGE.window(3, stride=2, padding=1) == WHOLE_IMAGE
    assert WHOLE_IMAGE.window(1) == WHOLE_IMAGE
    near = PIXEL.window(3, padding=1)
    assert near.whole_image().window(3, stride=2) == WHOLE_IMAGE._replace(stride=(2, 2))
    assert union([near, near.whole_image()]) == near.whole_image()
    assert union([WHOLE_IMAGE, near]).size == WHOLE_IMAGE.size
    assert union([WHOLE_IMAGE, WHOLE_IMAGE]) == WHOLE_IMAGE
    assert math.isnan(union([VARIES, near]).size[0])
