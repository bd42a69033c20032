"""Group, instance, layer and filter response normalisation, weight norm, mean-only batch norm."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import (
    check_against_autograd,
    check_numeric,
    gradients,
    layouts,
    meta,
    normal,
    repeatable,
    same,
    shapes_nchw,
)

from convnets import functional as F
from convnets import init
from convnets import layers as L
from convnets.arrays import batch_last, to_numpy
from convnets.callbacks import Checkpoint
from convnets.data import digits
from convnets.optim import SGD
from convnets.shapes import ShapeError
from convnets.train import evaluate, fit

fewer = settings(repeatable, max_examples=25)
images = shapes_nchw(max_side=4).filter(lambda s: s[2] * s[3] > 1)
rows = st.tuples(st.integers(1, 5), st.integers(2, 6))
shapes = st.one_of(rows, images)
dtypes = st.sampled_from([np.float32, np.float64])


def column(values, x):
    """(C,) as it is broadcast to x."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def torch_group(x, gamma, beta, groups, eps=1e-5):
    return TF.group_norm(x, groups, gamma, beta, eps)


def torch_instance(x, gamma, beta, eps=1e-5):
    return TF.instance_norm(x, None, None, gamma, beta, eps=eps)


def torch_layer(x, gamma, beta, eps=1e-5):
    return TF.layer_norm(x, x.shape[1:], gamma, beta, eps)


def torch_frn(x, gamma, beta, eps=1e-6):
    y = x / torch.sqrt((x**2).mean((2, 3), keepdim=True) + eps)
    y = y if gamma is None else y * column(gamma, x)
    return y if beta is None else y + column(beta, x)


def group(x, gamma, beta, groups, eps=1e-5):
    return F.group_norm(x, groups, gamma, beta, eps)


def divisors(count):
    return [g for g in range(1, count + 1) if count % g == 0]


KINDS = {
    "group": (group, F.group_norm_backward, torch_group),
    "instance": (F.instance_norm, F.instance_norm_backward, torch_instance),
    "layer": (F.layer_norm, F.layer_norm_backward, torch_layer),
    "filter response": (F.filter_response_norm, F.filter_response_norm_backward, torch_frn),
}


@st.composite
def cases(draw, dtype=np.float64):
    """A kind, x in some layout, gamma and beta or None, and options."""
    kind = draw(st.sampled_from(list(KINDS)))
    shape = draw(shapes if kind in ("group", "layer") else images)
    x = draw(layouts())((2 * normal(*shape) + 1).astype(dtype))
    options = {"eps": draw(st.sampled_from([1e-5, 0.1]))}
    if kind == "group":
        possible = [g for g in divisors(shape[1]) if np.prod(shape[1:]) // g > 1]
        options["groups"] = draw(st.sampled_from(possible))
    size = shape[1:] if kind == "layer" else shape[1:2]
    weights = [normal(*size, seed=s, dtype=dtype) + 1 for s in (3, 4)]
    return kind, [x, *(weights if draw(st.booleans()) else (None, None))], options


@repeatable
@given(st.one_of(cases(np.float32), cases(np.float64)))
def test_they_equal_pytorch(case):
    kind, arrays, options = case
    check_against_autograd(*KINDS[kind], *arrays, **options)


@fewer
@given(cases())
def test_they_have_the_numeric_gradient(case):
    kind, arrays, options = case
    options["eps"] = 0.1
    check_numeric(*KINDS[kind][:2], *arrays, entries=8, tolerance=1e-6, **options)


def arguments(kind, dtype=np.float64, shape=(3, 4, 5, 6)):
    size = shape[1:] if kind == "layer" else shape[1:2]
    options = {"groups": 2} if kind == "group" else {}
    return [
        normal(*shape, dtype=dtype),
        *(normal(*size, seed=s, dtype=dtype) for s in (1, 2)),
    ], options


@pytest.mark.parametrize("kind", KINDS)
def test_other_examples_do_not_matter(kind):
    (x, *weights), options = arguments(kind)
    y = KINDS[kind][0](x, *weights, **options)[0]
    same(KINDS[kind][0](x[1:2], *weights, **options)[0], y[1:2])


@pytest.mark.parametrize("lie", [np.ascontiguousarray, batch_last])
@pytest.mark.parametrize("kind", KINDS)
def test_the_memory_layout_is_kept(kind, lie):
    (x, *weights), options = arguments(kind)
    x = lie(x)
    y, cache = KINDS[kind][0](x, *weights, **options)
    assert y.strides == KINDS[kind][1](y, cache)[0].strides == x.strides


@pytest.mark.parametrize("lie", [np.ascontiguousarray, batch_last])
@pytest.mark.parametrize("kind", ["group", "instance", "layer"])
def test_float32_loses_no_digits_far_from_zero(kind, lie):
    arrays, options = arguments(kind, np.float32, (4, 4, 12, 16))
    arrays[0] = lie(arrays[0] + np.float32(1e4))
    exact = [a.astype(np.float64) for a in arrays]
    y, dy, grads = gradients(*KINDS[kind][:2], *arrays, **options)
    want, _, wants = gradients(*KINDS[kind][:2], *exact, dy=dy.astype(np.float64), **options)
    for got, expected in zip((y, *grads), (want, *wants), strict=True):
        assert got.dtype == np.float32
        assert np.abs(got - expected).max() < 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize("kind", KINDS)
def test_meta_tensors_give_shapes_and_an_empty_batch_stays_empty(kind):
    arrays, options = arguments(kind)
    y, cache = KINDS[kind][0](*meta(*arrays), **options)
    got = [tuple(a.shape) for a in KINDS[kind][1](y, cache)]
    assert got == [a.shape for a in arrays]
    y, cache = KINDS[kind][0](arrays[0][:0], *arrays[1:], **options)
    assert y.shape == KINDS[kind][1](y, cache)[0].shape == (0, 4, 5, 6)


def test_one_group_is_layer_norm_and_a_group_each_is_instance_norm():
    x = normal(2, 4, 3, 3)
    same(F.group_norm(x, 1, None, None)[0], F.layer_norm(x, None, None)[0])
    same(F.group_norm(x, 4, None, None)[0], F.instance_norm(x, None, None)[0])


# Thresholded linear unit


@fewer
@given(shapes, layouts(), dtypes)
def test_a_threshold_equals_autograd(shape, layout, dtype):
    def theirs(y, tau):
        return torch.maximum(y, column(tau, y))

    tau = normal(shape[1], seed=1, dtype=dtype)
    pair = F.thresholded_linear, F.thresholded_linear_backward
    check_against_autograd(*pair, theirs, layout(normal(*shape, dtype=dtype)), tau)


def test_at_a_tie_the_gradient_goes_to_the_threshold():
    _, cache = F.thresholded_linear(np.array([[1.0], [2.0]]), np.array([1.0]))
    dy, dtau = F.thresholded_linear_backward(np.array([[5.0], [7.0]]), cache)
    assert dy.tolist() == [[0], [7]] and dtau.tolist() == [5]


# Weight normalisation

kernels = st.one_of(
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
)
WN = (F.weight_norm, F.weight_norm_backward)


@fewer
@given(kernels, layouts(), dtypes)
def test_weight_norm_equals_pytorch(shape, layout, dtype):
    def theirs(v, g):
        return torch._weight_norm(v, g.reshape(-1, *(1,) * (v.ndim - 1)), 0)

    arrays = layout(normal(*shape, dtype=dtype)), normal(shape[0], seed=1, dtype=dtype)
    check_against_autograd(*WN, theirs, *arrays)
    if dtype == np.float64:
        check_numeric(*WN, *arrays, entries=5, tolerance=1e-5)


def test_the_gradient_of_v_is_perpendicular_to_v():
    v, g = normal(6, 3, 5, 5), normal(6, seed=1)
    _, cache = F.weight_norm(v, g)
    dv, _ = F.weight_norm_backward(normal(*v.shape, seed=2), cache)
    assert np.abs((dv * v).sum((1, 2, 3))).max() < 1e-12
    assert np.abs(dv).max() > 0.01


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_lengths_neither_overflow_nor_vanish(scale):
    v = normal(3, 4, dtype=np.float32)
    w, _ = F.weight_norm(v * np.float32(scale), np.ones(3, np.float32))
    same(w, F.weight_norm(v, np.ones(3, np.float32))[0])


@fewer
@given(st.one_of(st.tuples(st.integers(2, 5), st.integers(1, 4)), images), layouts(), dtypes)
def test_mean_only_equals_autograd(shape, layout, dtype):
    def theirs(x, beta):
        axes = (0, *range(2, x.ndim))
        return x - x.mean(axes, keepdim=True) + column(beta, x)

    pair = F.mean_only_batch_norm, F.mean_only_batch_norm_backward
    x, beta = layout(normal(*shape, dtype=dtype)), normal(shape[1], seed=1, dtype=dtype)
    check_against_autograd(*pair, theirs, x, beta)


def test_mean_only_with_a_given_mean_is_a_shift():
    x, beta, mean = normal(3, 2), normal(2, seed=1), normal(2, seed=2)
    y, cache = F.mean_only_batch_norm(x, beta, mean)
    same(y, x - mean + beta)
    dx, dbeta = F.mean_only_batch_norm_backward(y, cache)
    same(dx, y)
    same(dbeta, y.sum(0))


# Errors

X = normal(2, 4, 3, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.group_norm(X, 3, None, None), ShapeError, r"groups=3 must divide the 4 chan"),
        (lambda: F.group_norm(X, 0, None, None), ShapeError, r"groups must be an integer >= 1"),
        (lambda: F.group_norm(X, 2, np.ones(3), None), ShapeError, r"gamma must have .* \(4,\)"),
        (lambda: F.group_norm(X[:, :, 0], 2, None, None), ShapeError, r"x must be \(N, D\) or"),
        (lambda: F.instance_norm(X[..., :1, :1], None, None), ShapeError, r"at least 2 values"),
        (lambda: F.layer_norm(X, np.ones(4), None), ShapeError, r"gamma must have .* \(4, 3, 3\)"),
        (lambda: F.layer_norm(normal(3, 1), None, None), ShapeError, r"at least 2 values"),
        (lambda: F.layer_norm(X, None, None, eps=-1.0), ValueError, r"eps must be a finite"),
        (lambda: F.filter_response_norm(X[0, 0], None, None), ShapeError, r"x must have 4 axes"),
        (lambda: F.filter_response_norm(X, None, np.ones(3)), ShapeError, r"beta must have"),
        (lambda: F.thresholded_linear(X, np.ones(3)), ShapeError, r"tau must have the shape \(4,"),
        (lambda: F.weight_norm(np.zeros((2, 3)), np.ones(2)), ValueError, r"all zero.*direction"),
        (lambda: F.weight_norm(np.ones((2, 3)), np.ones(3)), ShapeError, r"g must have .* \(2,\)"),
        (lambda: F.weight_norm(np.ones(3), np.ones(3)), ShapeError, r"v must be \(F, D\)"),
        (lambda: F.mean_only_batch_norm(X[:1, :, :1, :1], None), ShapeError, r"more than 1 value"),
        (lambda: L.GroupNorm(3, 4), ShapeError, r"groups=3 must divide channels=4"),
        (lambda: L.GroupNorm(2, 6).to(X)(X), ShapeError, r"4 channels .* made for 6"),
        (lambda: L.LayerNorm(4).to(X)(X), ShapeError, r"x must be \(N, 4\).*\(4, 3, 3\)"),
        (lambda: L.LayerNorm((2, 3)), ShapeError, r"shape must be D or \(C, H, W\)"),
        (lambda: L.WeightNorm(L.ReLU()), TypeError, r"takes a Linear or a Conv2d, but got ReLU"),
        (lambda: L.MeanOnlyBatchNorm1d(4).to(X)(X), ShapeError, r"use MeanOnlyBatchNorm2d"),
        (lambda: L.MeanOnlyBatchNorm1d(4, momentum=2), ValueError, r"in \[0, 1\]"),
    ],
)
def test_errors_name_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Layers


LAYERS = {
    "GroupNorm": (lambda: L.GroupNorm(2, 4), lambda: torch.nn.GroupNorm(2, 4)),
    "LayerNorm": (lambda: L.LayerNorm((4, 3, 3)), lambda: torch.nn.LayerNorm((4, 3, 3))),
    "InstanceNorm2d": (lambda: L.InstanceNorm2d(4), lambda: torch.nn.InstanceNorm2d(4)),
    "InstanceNorm2d, affine": (
        lambda: L.InstanceNorm2d(4, affine=True),
        lambda: torch.nn.InstanceNorm2d(4, affine=True),
    ),
}


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_torchs(name, mode):
    ours, theirs = (make() for make in LAYERS[name])
    ours.to(X).train(mode), theirs.double().train(mode)
    weights = list(zip(ours.parameters().values(), theirs.parameters(), strict=True))
    for seed, (own, other) in enumerate(weights):
        own.data = normal(*own.data.shape, seed=seed)
        other.data = torch.tensor(own.data)
    leaf, dy = torch.tensor(X, requires_grad=True), normal(*X.shape, seed=9)
    want = theirs(leaf)
    want.backward(torch.tensor(dy))
    same(ours(X), want.detach())
    same(ours.backward(dy), leaf.grad)
    for own, other in weights:
        same(own.grad, other.grad)


MAKE = {
    "group": lambda rng: [L.Conv2d(1, 4, 3, rng=rng), L.GroupNorm(2, 4), L.ReLU()],
    "instance": lambda rng: [L.Conv2d(1, 4, 3, rng=rng), L.InstanceNorm2d(4), L.ReLU()],
    "layer": lambda rng: [L.Conv2d(1, 4, 3, rng=rng), L.LayerNorm((4, 6, 6)), L.ReLU()],
    "filter response": lambda rng: [
        L.Conv2d(1, 4, 3, rng=rng), L.FilterResponseNorm(4), L.ThresholdedLinear(4),
    ],
    "weight norm": lambda rng: [L.WeightNorm(L.Conv2d(1, 4, 3, rng=rng)), L.ReLU()],
    "mean-only": lambda rng: [
        L.WeightNorm(L.Conv2d(1, 4, 3, rng=rng)), L.MeanOnlyBatchNorm2d(4), L.ReLU(),
    ],
}  # fmt: skip


def network(kind, rng=0):
    return L.Sequential(*MAKE[kind](rng), L.Flatten(), L.Linear(144, 10, rng=rng))


@pytest.mark.parametrize("like", [np.zeros(0, np.float32), torch.zeros(0)])
@pytest.mark.parametrize("kind", MAKE)
def test_they_train_stop_and_go_on_as_if_uninterrupted(kind, like, tmp_path):
    def trained(model, epochs, **options):
        sgd = SGD(model.parameters(), lr=0.05, momentum=0.9)
        options = {"batch_size": 50, "rng": 1, "progress": False} | options
        return fit(model, sgd, digits()[:300], epochs=epochs, **options)

    path, saving = tmp_path / "run.npz", {"callbacks": [Checkpoint(tmp_path / "run.npz")]}
    straight, first, resumed = (network(kind, seed).to(like) for seed in (0, 0, 1))
    history = trained(straight, 4, callbacks=[Checkpoint(tmp_path / "other.npz")])
    assert history.train_loss[-1] < 0.6 * history.train_loss[0]
    trained(first, 2, **saving)
    trained(resumed, 4, resume=path, **saving)
    for name, value in resumed.state_dict().items():
        assert value.tobytes() == straight.state_dict()[name].tobytes(), name
    assert evaluate(resumed, digits()[:300]) == evaluate(straight, digits()[:300])


@pytest.mark.parametrize("momentum", [0.1, None])
def test_a_running_mean_is_followed_and_used(momentum):
    layer, theirs = L.MeanOnlyBatchNorm1d(4, momentum), torch.nn.BatchNorm1d(4, momentum=momentum)
    for seed in range(3):
        x = normal(5, 4, seed=seed, dtype=np.float32)
        layer(x), theirs(torch.tensor(x))
    same(layer.running_mean.data, theirs.running_mean)
    same(layer.eval()(x), x - layer.running_mean.data)


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (lambda: L.Linear(4, 6, rng=0), normal(50, 4) + 2),
        (lambda: L.Conv2d(4, 6, 3, stride=2, padding=1, rng=0), normal(9, 4, 5, 6) - 3),
    ],
)
def test_weight_norm_begins_as_the_layer_or_from_a_batch(make, x):
    layer, plain = L.WeightNorm(make().to(x)), make().to(x)
    same(layer(x), plain(x))
    v = layer.v.data.copy()
    layer.initialise_from(x)
    y = layer(x)
    axes = (0, *range(2, y.ndim))
    same(y.mean(axes), np.zeros(6))
    same(y.var(axes), np.ones(6))
    assert (layer.v.data == v).all()
    dx = layer.backward(y)
    layer.backward_parameters(y)
    assert dx.shape == x.shape and all(p.grad is not None for p in layer.parameters().values())
    layer.initialise(rng=3)
    same(np.sqrt((layer.v.data**2).reshape(6, -1).sum(1)), layer.g.data)
    assert not layer.bias.data.any()


def test_a_start_from_a_batch_that_cannot_be_is_refused_and_changes_nothing():
    layer = L.WeightNorm(L.Linear(4, 3, rng=0)).to(X)
    before = layer.state_dict()
    with pytest.raises(ValueError, match=r"outputs \[0, 1, 2\] .* same for all examples"):
        layer.initialise_from(np.ones((5, 4)))
    assert all((layer.state_dict()[k] == v).all() for k, v in before.items())
    with pytest.raises(ValueError, match=r"no bias to set"):
        L.WeightNorm(L.Linear(4, 3, bias=False)).initialise_from(np.ones((5, 4), np.float32))


@pytest.mark.parametrize("kind", MAKE)
def test_drawing_weights_anew_leaves_what_is_no_weight(kind):
    model = network(kind)
    for name, parameter in model.parameters().items():
        if name.endswith(("gamma", "tau")):
            parameter.data = parameter.data + 1
    init.apply(model, "xavier_uniform", rng=3)
    for name, parameter in model.parameters().items():
        if name.endswith("gamma"):
            assert (to_numpy(parameter.data) == 2).all()
        if name.endswith("tau"):
            assert (parameter.data == 1).all()
