"""Initial weights: fans, variances, dtype, and what they are for."""

import numpy as np
import pytest
import torch

from convnets import functional as F
from convnets import layers as L
from convnets.init import (
    INITIALISERS,
    apply,
    drawn,
    fan_in_out,
    kaiming_normal,
    xavier_uniform,
    zeros,
)
from convnets.models import lenet
from convnets.random import generator
from convnets.shapes import ShapeError


@pytest.mark.parametrize(
    ("shape", "fans"),
    [
        ((10, 84), (84, 10)),
        ((16, 3, 5, 3), (45, 240)),
        ((8, 1, 3, 3), (9, 72)),
        ((6, 7, 16, 3, 5, 3), (45, 240)),  # locally connected: the places do not count
    ],
)
def test_fans_count_the_products_of_an_output_and_the_uses_of_an_input(shape, fans):
    assert fan_in_out(shape) == fans


@pytest.mark.parametrize("shape", [(10, 84), (16, 3, 5, 3)])
def test_fans_equal_those_of_pytorch(shape):
    calculate = torch.nn.init._calculate_fan_in_and_fan_out
    assert fan_in_out(shape) == calculate(torch.empty(shape))


@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 4), (1, 2, 3, 4, 5)])
def test_shapes_without_fans_are_named(shape):
    with pytest.raises(ShapeError, match=r"not \(.*; set biases with zeros"):
        fan_in_out(shape)


@pytest.mark.parametrize(("init", "growth"), [(kaiming_normal, 1.0), (xavier_uniform, 0.5)])
def test_kaiming_makes_up_for_relu_and_xavier_does_not(init, growth):
    rng = generator(0)
    x = rng.standard_normal((512, 256))
    first, _ = F.linear(x, init((256, 256), rng, dtype=np.float64))
    last = first
    for _ in range(10):
        last, _ = F.linear(F.relu(last)[0], init((256, 256), rng, dtype=np.float64))
    assert (last.var() / first.var()) ** (1 / 10) == pytest.approx(growth, rel=0.1)


def test_kaiming_has_mean_zero_and_variance_two_over_fan_in():
    w = kaiming_normal((64, 32, 3, 5), generator(0)).astype(np.float64)
    std = np.sqrt(2 / (32 * 15))
    assert abs(w.mean()) < 5 * std / np.sqrt(w.size)
    assert w.std() == pytest.approx(std, rel=5 / np.sqrt(2 * w.size))


def test_xavier_is_uniform_between_its_bounds():
    w = xavier_uniform((200, 100), generator(0)).astype(np.float64)
    bound = np.sqrt(6 / 300)
    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.999 * bound
    assert abs(w.mean()) < 5 * bound / np.sqrt(3 * w.size)
    assert w.var() == pytest.approx(2 / 300, rel=0.03)


@pytest.mark.parametrize("init", [kaiming_normal, xavier_uniform])
def test_a_seed_fixes_the_weights_and_the_dtype_is_kept(init):
    for dtype in (np.float32, np.float64):
        first, second = (init((4, 3, 2, 2), generator(1), dtype=dtype) for _ in range(2))
        assert first.dtype == dtype
        assert first.shape == (4, 3, 2, 2)
        assert np.array_equal(first, second)
    assert init((2, 2), generator(0)).dtype == np.float32


def test_zeros():
    assert not zeros((3, 2)).any()
    assert zeros((3, 2)).dtype == np.float32
    assert zeros([4], dtype=np.float64).shape == (4,)
    assert zeros((4,), dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize("init", [kaiming_normal, xavier_uniform])
def test_a_seed_instead_of_a_generator_is_named(init):
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator.* is int"):
        init((2, 2), 0)


# As arguments of layers


def small_normal(shape, rng):
    return 0.01 * rng.standard_normal(shape)


MAKERS = {
    "Linear": (lambda **options: L.Linear(5, 4, **options), (4, 5)),
    "Conv2d": (lambda **options: L.Conv2d(4, 6, (3, 2), groups=2, **options), (6, 2, 3, 2)),
    "LocallyConnected2d": (
        lambda **options: L.LocallyConnected2d(2, 3, 5, 4, **options), (2 * 2 * 3, 2, 4, 4)
    ),
}  # fmt: skip
makers = pytest.mark.parametrize(("make", "shape"), MAKERS.values(), ids=MAKERS)


@makers
@pytest.mark.parametrize("init", [*INITIALISERS, small_normal])
def test_layers_draw_with_the_initialiser_they_are_given(make, shape, init):
    layer = make(rng=7, init=init)
    want = drawn(init, shape, generator(7)).astype(np.float32)
    assert layer.weight.data.dtype == np.float32
    assert np.array_equal(layer.weight.data.reshape(shape), want)
    assert not layer.bias.data.any()


@makers
def test_he_is_the_default(make, shape):
    want = kaiming_normal(shape, generator(3))
    assert np.array_equal(make(rng=3).weight.data.reshape(shape), want)


@makers
def test_layers_are_drawn_anew_where_they_are(make, shape):
    layer = make(rng=0).to(torch.empty(0, dtype=torch.float64))
    layer.bias.data = layer.bias.data * np.nan
    layer.weight.grad = layer.weight.data
    layer.initialise("xavier_uniform", rng=5)
    want = xavier_uniform(shape, generator(5))
    assert layer.weight.data.dtype == layer.bias.data.dtype == torch.float64
    assert np.array_equal(layer.weight.data.numpy().reshape(shape), want.astype(np.float64))
    assert layer.weight.grad is None
    assert not layer.bias.data.any()


def test_a_layer_without_bias_can_be_drawn_anew():
    layer = L.Linear(3, 2, bias=False, rng=0)
    layer.initialise("zeros")
    assert not layer.weight.data.any() and layer.bias is None


def test_a_model_takes_an_initialiser():
    model = lenet(size=8, rng=1, init=small_normal)
    for name, parameter in model.parameters().items():
        assert parameter.data.std() < 0.02, name
    assert np.array_equal(
        lenet(size=8, rng=1)[0].weight.data, kaiming_normal((6, 1, 3, 3), generator(1))
    )


@pytest.mark.parametrize(
    ("init", "error", "message"),
    [
        ("he", ValueError, "one of kaiming_normal, xavier_uniform, zeros, or a function .* 'he'"),
        (0.01, TypeError, r"name or a function init\(shape, rng\) -> weights, but is 0\.01"),
        (lambda shape, rng: np.zeros(3), ShapeError, r"shape \(2, 4\) it was given.* \(3,\)"),
    ],
)
def test_what_is_no_initialiser_is_named(init, error, message):
    with pytest.raises(error, match=message):
        L.Linear(4, 2, init=init)


# Whole models


def nested():
    return L.Sequential(
        L.Conv2d(1, 2, 3, rng=0),
        L.Residual(L.Sequential(L.ReLU(), L.Conv2d(2, 2, 1, bias=False, rng=0))),
        L.Flatten(),
        L.Linear(8, 3, rng=0),
    )


def test_apply_draws_every_layer_of_a_model_in_order():
    model, rng = nested(), generator(4)
    assert apply(model, "xavier_uniform", rng=4) is model
    for layer in (model[0], model[1].branch[1], model[3]):
        want = xavier_uniform(layer.weight.data.shape, rng)
        assert np.array_equal(layer.weight.data, want)


def test_apply_draws_what_building_the_model_would_have_drawn():
    built, drawn_later = lenet(size=8, rng=6, init=small_normal), lenet(size=8, rng=0)
    apply(drawn_later, small_normal, rng=6)
    for name, values in built.state_dict().items():
        assert np.array_equal(values, drawn_later.state_dict()[name]), name


def test_apply_leaves_other_parameters_and_buffers_alone():
    class Norm(L.Positionwise):
        def __init__(self):
            self.scale = L.Parameter(np.full(3, 2, np.float32))
            self.running = L.Buffer(np.full(3, 5, np.float32))

    model = apply(L.Sequential(L.Linear(4, 3, rng=0), Norm()), "zeros")
    state = model.state_dict()
    assert not state["0.weight"].any()
    assert (state["1.scale"] == 2).all() and (state["1.running"] == 5).all()


def test_apply_draws_torch_modules_too():
    nn = torch.nn
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    module[1].bias.data.fill_(7)
    rng = generator(4)
    assert apply(module, "kaiming_normal", rng=4) is module
    for layer in (module[0], module[3]):
        want = kaiming_normal(tuple(layer.weight.shape), rng)
        assert np.array_equal(layer.weight.detach(), want)
        assert not layer.bias.any() and layer.weight.requires_grad
    assert (module[1].weight == 1).all() and (module[1].bias == 7).all()


@pytest.mark.parametrize("model", [L.Sequential(L.ReLU()), torch.nn.ReLU()], ids=["ours", "torch"])
def test_a_model_without_weights_is_refused(model):
    with pytest.raises(ValueError, match="has no layers with weights"):
        apply(model)
