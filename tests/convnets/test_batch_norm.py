"""Batch normalisation against PyTorch, numeric gradients and float64; layers against torch.nn."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given
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
    tensors,
)

from convnets import functional as F
from convnets import init
from convnets import layers as L
from convnets.arrays import batch_last, to_numpy
from convnets.callbacks import Checkpoint
from convnets.data import digits
from convnets.optim import SGD
from convnets.shapes import ShapeError
from convnets.train import evaluate, fit, load_weights

BN = (F.batch_norm, F.batch_norm_backward)
rows = st.tuples(st.integers(2, 6), st.integers(1, 5))
images = shapes_nchw(max_side=4).filter(lambda s: s[0] * s[2] * s[3] > 1)
shapes = st.one_of(rows, images)
dtypes = st.sampled_from([np.float32, np.float64])


def arguments(shape, affine, dtype=np.float64):
    """x, with means and scales of its own in every feature, gamma and beta."""
    count = shape[1]
    column = (count,) + (1,) * (len(shape) - 2)
    scale, shift = np.exp(normal(*column, seed=1)), 3 * normal(*column, seed=2)
    x = (normal(*shape) * scale + shift).astype(dtype)
    if not affine:
        return x, None, None
    return x, *(normal(count, seed=seed, dtype=dtype) + 1 for seed in (3, 4))


def statistics_of(count, dtype=np.float64):
    return normal(count, seed=5, dtype=dtype), np.exp(normal(count, seed=6, dtype=dtype))


def torch_bn(x, gamma, beta, statistics=None, eps=1e-5):
    mean, variance = (None, None) if statistics is None else tensors(*map(to_numpy, statistics))
    return TF.batch_norm(x, mean, variance, gamma, beta, statistics is None, eps=eps)


# Functions


@repeatable
@given(shapes, layouts(), st.booleans(), dtypes, st.sampled_from([1e-5, 0.1]))
def test_it_equals_pytorch_in_training(shape, layout, affine, dtype, eps):
    x, *others = arguments(shape, affine, dtype)
    check_against_autograd(*BN, torch_bn, layout(x), *others, eps=eps)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@repeatable
@given(shape=shapes, affine=st.booleans())
def test_it_equals_pytorch_at_the_test(kind, shape, affine):
    given_arrays, statistics = arguments(shape, affine), statistics_of(shape[1])
    leaves = [None if t is None else t.requires_grad_() for t in tensors(*given_arrays)]
    want = torch_bn(*leaves, statistics)
    if kind == "torch":
        given_arrays, statistics = tensors(*given_arrays), tensors(*statistics)
    y, dy, grads = gradients(*BN, *given_arrays, statistics=statistics)
    want.backward(torch.tensor(dy))
    same(y, want.detach())
    for got, leaf in zip(grads, leaves, strict=True):
        same(got, None if leaf is None else leaf.grad)


@repeatable
@given(shapes, layouts(), st.booleans())
def test_it_has_the_numeric_gradient(shape, layout, affine):
    x, *others = arguments(shape, affine)
    check_numeric(*BN, layout(x), *others, entries=8, tolerance=1e-6, eps=0.1)


def test_two_examples_by_hand():
    x = np.array([[1.0, 10.0], [3.0, 30.0]])
    y, cache = F.batch_norm(x, np.array([2.0, 1.0]), np.array([0.0, 5.0]), eps=0.0)
    same(y, np.array([[-2.0, 4.0], [2.0, 6.0]]))
    same(cache.mean, np.array([2.0, 20.0]))
    same(cache.variance, np.array([1.0, 100.0]))


def test_a_channel_is_a_feature_with_a_value_for_each_pixel():
    x = normal(3, 2, 4, 5)
    y, _ = F.batch_norm(x, None, None)
    flat, _ = F.batch_norm(x.transpose(0, 2, 3, 1).reshape(-1, 2), None, None)
    same(y.transpose(0, 2, 3, 1).reshape(-1, 2), flat)


@pytest.mark.parametrize("shape", [(256, 20), (16, 4, 12, 12)])
@pytest.mark.parametrize(("offset", "scale"), [(1e4, 1.0), (-300.0, 1e-2), (0.0, 1e15)])
def test_float32_loses_no_digits_far_from_zero(shape, offset, scale):
    x = (normal(*shape) * scale + offset).astype(np.float32)
    others = [np.full(shape[1], v, np.float32) for v in (1.5, 0.5)]
    exact = [a.astype(np.float64) for a in (x, *others)]
    y, dy, grads = gradients(*BN, x, *others)
    want, _, wants = gradients(*BN, *exact, dy=dy.astype(np.float64))
    for got, expected in zip((y, *grads), (want, *wants), strict=True):
        assert got.dtype == np.float32
        assert np.abs(got - expected).max() < 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 5, 2)])
def test_the_memory_layout_of_the_input_is_kept(shape):
    last = batch_last if len(shape) == 4 else np.asfortranarray
    for lie in (np.ascontiguousarray, last):
        x = lie(normal(*shape))
        for statistics in (None, statistics_of(shape[1])):
            y, cache = F.batch_norm(x, None, None, statistics)
            dx, _, _ = F.batch_norm_backward(np.ascontiguousarray(y), cache)
            assert y.strides == dx.strides == x.strides


def test_meta_tensors_give_shapes():
    x, gamma, beta = meta(*arguments((2, 3, 4, 5), True))
    for statistics in (None, meta(*statistics_of(3))):
        y, cache = F.batch_norm(x, gamma, beta, statistics)
        shapes = [tuple(a.shape) for a in F.batch_norm_backward(y, cache)]
        assert shapes == [(2, 3, 4, 5), (3,), (3,)] and y.shape == x.shape


def test_a_numpy_eps_leaves_float32():
    y, cache = F.batch_norm(normal(4, 3, dtype=np.float32), None, None, eps=np.float64(1e-5))
    assert y.dtype == cache.variance.dtype == np.float32


X, THREE = normal(4, 3), np.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.batch_norm(normal(1, 3), None, None), ShapeError, "more than 1 value per chan"),
        (lambda: F.batch_norm(normal(0, 3), None, None), ShapeError, r"x is \(0, 3\)"),
        (lambda: F.batch_norm(normal(1, 3, 1, 1), None, None), ShapeError, "more than 1 value"),
        (lambda: F.batch_norm(normal(2, 3, 4), None, None), ShapeError, r"\(N, D\) or \(N, C, H"),
        (lambda: F.batch_norm(X, np.ones(4), None), ShapeError, r"gamma must .* \(3,\).*has \(4,"),
        (lambda: F.batch_norm(X, None, np.ones(1)), ShapeError, r"beta must have the shape \(3,\)"),
        (lambda: F.batch_norm(X, None, None, (THREE, np.ones(2))), ShapeError, "variance must"),
        (lambda: F.batch_norm(X, None, None, (THREE, -THREE)), ValueError, "smallest value is -1"),
        (lambda: F.batch_norm(X, None, None, eps=-1), ValueError, "eps must .* -1"),
        (lambda: F.batch_norm(X, None, None, eps=np.nan), ValueError, "eps must .* nan"),
        (lambda: F.batch_norm(X.astype(int), None, None), TypeError, "floating-point"),
        (lambda: F.batch_norm_backward(X.T, F.batch_norm(X, None, None)[1]), ShapeError, "dy must"),
    ],
)
def test_errors_name_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Layers


def pair_of(kind, features, **options):
    """Our layer and torch's, with the same random gamma and beta."""
    ours = getattr(L, kind)(features, **options)
    theirs = getattr(torch.nn, kind)(features, **options).double()
    ours.to(np.zeros(0))
    if ours.gamma:
        for own, other, seed in ((ours.gamma, theirs.weight, 1), (ours.beta, theirs.bias, 2)):
            own.data = normal(features, seed=seed)
            other.data = torch.tensor(own.data)
    return ours, theirs


def same_statistics(ours, theirs):
    same(ours.running_mean.data, theirs.running_mean)
    same(ours.running_var.data, theirs.running_var)
    assert int(ours.num_batches_tracked.data) == int(theirs.num_batches_tracked)


@pytest.mark.parametrize("like", [np.zeros(0), torch.zeros(0, dtype=torch.float64)])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", [0.1, 0.0, 1.0, None])
@pytest.mark.parametrize(
    ("kind", "shape"), [("BatchNorm1d", (5, 4)), ("BatchNorm2d", (2, 4, 3, 5))]
)
def test_a_layer_equals_torchs_over_several_batches(kind, shape, momentum, affine, like):
    ours, theirs = pair_of(kind, 4, momentum=momentum, affine=affine, eps=1e-3)
    ours.to(like)
    for seed in range(3):
        x, dy = normal(*shape, seed=seed) * 3 + seed, normal(*shape, seed=9)
        leaf = torch.tensor(x, requires_grad=True)
        theirs.zero_grad()
        theirs(leaf).backward(torch.tensor(dy))
        x, dy = (a if isinstance(like, np.ndarray) else torch.tensor(a) for a in (x, dy))
        ours(x)
        same(ours.backward(dy), leaf.grad)
        same_statistics(ours, theirs)
    if affine:
        same(ours.gamma.grad, theirs.weight.grad)
        same(ours.beta.grad, theirs.bias.grad)
    ours.eval(), theirs.eval()
    leaf.grad = None
    want = theirs(leaf)
    want.backward(torch.tensor(to_numpy(dy)))
    same(ours(x), want.detach())
    same(ours.backward(dy), leaf.grad)
    same_statistics(ours, theirs)


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3, 2)])
def test_ghost_batches_are_batches_of_their_own(shape):
    kind = "BatchNorm1d" if len(shape) == 2 else "BatchNorm2d"
    copied, theirs = pair_of(kind, 4)
    ours = getattr(L, kind)(4, ghost=2).to(np.zeros(0))
    ours.load_state_dict(copied.state_dict())
    x, dy = batch_last_of(normal(*shape)), normal(*shape, seed=1)
    leaf = torch.tensor(x, requires_grad=True)
    for part, dpart in zip(leaf.split(2), torch.tensor(dy).split(2), strict=True):
        theirs(part).backward(dpart)
    y = ours(x)
    assert y.strides == x.strides
    same(ours.backward(dy), leaf.grad)
    same(ours.gamma.grad, theirs.weight.grad)
    same(ours.beta.grad, theirs.bias.grad)
    same_statistics(ours, theirs)
    ours.eval(), theirs.eval()
    same(ours(x[:5]), theirs(leaf[:5]).detach())
    same(ours.backward(dy[:5]), dy[:5] * expected_slope(ours, shape))


def batch_last_of(x):
    return batch_last(x) if x.ndim == 4 else np.asfortranarray(x)


def expected_slope(layer, shape):
    slope = layer.gamma.data / np.sqrt(layer.running_var.data + layer.eps)
    return slope.reshape(-1, *(1,) * (len(shape) - 2))


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (L.BatchNorm1d(3), normal(4, 3, 2, 2), r"BatchNorm1d takes 2 axes \(N, D\).*BatchNorm2d"),
        (L.BatchNorm2d(3), normal(4, 3), r"BatchNorm2d takes 4 axes .*use BatchNorm1d for it"),
        (L.BatchNorm2d(3), normal(4, 3, 2), r"x must have 4 axes"),
        (L.BatchNorm1d(3), normal(4, 5), r"has 5 features .* made for 3; make it with features=5"),
        (L.BatchNorm1d(3), normal(1, 3), r"more than 1 value per channel in training"),
        (L.BatchNorm2d(3), normal(0, 3, 2, 2), r"more than 1 value per channel in training"),
        (L.BatchNorm1d(3, ghost=4), normal(6, 3), r"ghost=4 must divide .* 6 examples.*drop_last"),
        (L.BatchNorm1d(3, ghost=1), normal(6, 3), r"more than 1 value per channel"),
    ],
)
def test_a_layer_refuses_and_keeps_its_statistics(layer, x, message):
    layer.to(np.zeros(0))
    before = layer.state_dict()
    with pytest.raises(ShapeError, match=message):
        layer(x)
    for name, value in layer.state_dict().items():
        assert value.tobytes() == before[name].tobytes(), name


def test_dtypes_are_not_mixed_even_without_gamma():
    layer = L.BatchNorm1d(3, affine=False)
    with pytest.raises(TypeError, match="one dtype, got float32 and float64"):
        layer(normal(4, 3))
    assert layer.running_mean.data.dtype == np.float32


@pytest.mark.parametrize("bad", [-0.1, 1.5, np.nan, "0.1", True])
def test_a_momentum_outside_its_range_is_refused(bad):
    with pytest.raises(ValueError, match=r"weight of the new batch .* in \[0, 1\], or None"):
        L.BatchNorm1d(3, momentum=bad)


def test_numpy_numbers_leave_float32():
    layer = L.BatchNorm1d(np.int64(3), np.float64(1e-5), np.float64(0.5))
    assert layer(normal(4, 3, dtype=np.float32)).dtype == np.float32
    assert {layer.running_mean.data.dtype, layer.running_var.data.dtype} == {np.dtype("float32")}
    assert repr(layer) == "BatchNorm1d(3, momentum=0.5)"


# In a network


def network(rng=0, ghost=None):
    return L.Sequential(
        L.Conv2d(1, 4, 3, rng=rng), L.BatchNorm2d(4), L.ReLU(), L.Flatten(),
        L.Linear(144, 16, rng=rng), L.BatchNorm1d(16, ghost=ghost), L.ReLU(),
        L.Linear(16, 10, rng=rng),
    )  # fmt: skip


def trained(model, data, epochs=2, **options):
    sgd = SGD(model.parameters(), lr=0.1, momentum=0.9)
    settings = {"batch_size": 50, "rng": 1, "progress": False} | options
    return fit(model, sgd, data, epochs=epochs, **settings)


def test_a_last_batch_of_one_is_told_in_words_of_the_training():
    model = L.Sequential(L.Flatten(), L.BatchNorm1d(64), L.Linear(64, 10, rng=0))
    with pytest.raises(ValueError, match=r"last batch of the epoch holds 1 example.*drop_last"):
        trained(model, digits()[:101])
    trained(model, digits()[:101], drop_last=True)


def test_a_resumed_training_is_that_of_an_uninterrupted_one(tmp_path):
    data, path = digits()[:200], tmp_path / "run.npz"
    straight, first, resumed, loaded = (network(seed) for seed in (0, 0, 1, 2))
    trained(straight, data, epochs=3)
    trained(first, data, epochs=2, callbacks=[Checkpoint(path)])
    load_weights(loaded, path)
    assert evaluate(loaded, data) == evaluate(first, data)
    trained(resumed, data, epochs=3, callbacks=[Checkpoint(path)], resume=path)
    for name, value in resumed.state_dict().items():
        assert value.tobytes() == straight.state_dict()[name].tobytes(), name
    assert straight.state_dict()["5.num_batches_tracked"] == 12


def test_it_trains_and_evaluation_changes_nothing():
    data, model = digits()[:500], network()
    assert trained(model, data, epochs=4).train_accuracy[-1] > 0.95
    before = model.state_dict()
    assert evaluate(model, data).accuracy > 0.95
    assert all((model.state_dict()[k] == v).all() for k, v in before.items())


def test_drawing_weights_anew_leaves_gamma_and_beta():
    model = network()
    model[1].gamma.data = model[1].gamma.data + 1
    init.apply(model, "xavier_uniform", rng=3)
    assert (model[1].gamma.data == 2).all() and (model[1].beta.data == 0).all()
