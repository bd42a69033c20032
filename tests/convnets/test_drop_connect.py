"""DropConnect and DropAll: masks of weights, their gradients, and what is done at the test."""

import importlib
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import (
    check_against_autograd,
    check_numeric,
    gradients,
    meta,
    normal,
    repeatable,
    same,
    tensors,
)

from convnets import functional as F
from convnets.arrays import to_numpy
from convnets.layers import DropAll, DropConnectLinear, Linear
from convnets.random import generator
from convnets.shapes import ShapeError


def connect(x, w, b, keep_prob=0.6, masks="example"):
    """`drop_connect` with the same masks at each call."""
    return F.drop_connect(x, w, b, keep_prob, generator(3), masks)


def every(x, w, b, keep_prob=0.6, masks="example"):
    """`drop_all` likewise."""
    return F.drop_all(x, w, b, keep_prob, 0.7, generator(3), masks)


CONNECT = (connect, F.drop_connect_backward)
ALL = (every, F.drop_all_backward)


@st.composite
def problems(draw):
    """(x, w, b), some without a bias, with x in either memory order."""
    n, d, m = (draw(st.integers(1, 5)) for _ in range(3))
    x = normal(n, d, seed=1)
    x = np.asfortranarray(x) if draw(st.booleans()) else x
    return x, normal(m, d, seed=2), normal(m, seed=4) if draw(st.booleans()) else None


def masks_of(n, d, m, keep_prob, masks, bias):
    """The masks that `connect` draws, told by inputs, weights and biases of one."""
    ones = np.ones((n, d))
    units = [connect(ones * (np.arange(d) == i), np.ones((m, d)), None, keep_prob, masks)[0]
             for i in range(d)]  # fmt: skip
    weights = np.stack(units, axis=2)
    if not bias:
        return weights, None
    return weights, connect(0 * ones, np.ones((m, d)), np.ones(m), keep_prob, masks)[0]


@repeatable
@given(problems(), st.sampled_from(["example", "batch"]), st.sampled_from([0.3, 0.6, 1.0]))
def test_it_equals_autograd_through_the_same_masks(problem, masks, keep_prob):
    x, w, b = problem
    found = masks_of(*x.shape, len(w), keep_prob, masks, b is not None)
    weights, biases = tensors(*found)

    def torch_fn(x, w, b, keep_prob, masks):
        y = torch.einsum("nmd,md,nd->nm", weights, w, x)
        return y if b is None else y + biases * b

    check_against_autograd(*CONNECT, torch_fn, x, w, b, keep_prob=keep_prob, masks=masks)


@repeatable
@given(problems(), st.sampled_from(["example", "batch"]))
def test_gradients_are_numeric(problem, masks):
    check_numeric(*CONNECT, *problem, entries=10, masks=masks)
    check_numeric(*ALL, *problem, entries=10, masks=masks)


@pytest.mark.parametrize("rule, back", [
    (F.drop_connect_eval, F.drop_connect_backward),
    (lambda x, w, b, p: F.drop_all_eval(x, w, b, p, 0.7), F.drop_all_backward),
])  # fmt: skip
def test_the_test_rules_have_numeric_gradients(rule, back):
    check_numeric(lambda x, w, b: rule(x, w, b, 0.4), back, normal(3, 4), normal(2, 4), normal(2))


def test_over_all_masks_the_moments_are_mean_and_variance():
    """Enumeration over the 2⁶ masks of four weights and two biases, one example."""
    p, (x, w, b) = 0.3, (normal(1, 2), normal(2, 2, seed=1), normal(2, seed=2))
    mean, square = np.zeros((1, 2)), np.zeros((1, 2))
    for bits in itertools.product([0.0, 1.0], repeat=6):
        m, bias = np.reshape(bits[:4], (2, 2)), np.array(bits[4:])
        chance = np.prod(np.where(np.array(bits) > 0, p, 1 - p))
        y = x @ (m * w).T + bias * b
        mean += chance * y
        square += chance * y**2
    got_mean, variance = F.drop_connect_moments(x, w, b, p)
    same(got_mean, mean)
    same(variance, square - mean**2)
    same(F.drop_connect_eval(x, w, b, p)[0], mean)


@pytest.mark.parametrize("masks", ["example", "batch"])
def test_draws_have_these_moments(masks):
    """y lies in [−0.5, 2.1]. Hoeffding for a mean of n draws: 2 exp(−2 n t² / 2.6²); with masks of
    each example n = 40,000 and t = 0.06, 1·10⁻¹⁸; with one a batch n = 200 and t = 0.7, 5·10⁻¹³.
    """
    rng, x, w = generator(5), np.ones((200, 4)), np.array([[1.0, -0.5, 0.8, 0.3]])
    draws = [F.drop_connect(x, w, None, 0.3, rng, masks)[0] for _ in range(200)]
    values = np.concatenate(draws) if masks == "example" else np.array([y[0] for y in draws])
    mean, _ = F.drop_connect_moments(x, w, None, 0.3)
    assert abs(values.mean() - mean[0, 0]) < (0.06 if masks == "example" else 0.7)
    assert np.ptp(draws[0]) == 0 if masks == "batch" else np.ptp(draws[0]) > 0


def test_sampled_inference_comes_to_the_mean_of_a_rectified_normal():
    """E max(u, 0) = μ Φ(μ/σ) + σ φ(μ/σ); 20,000 draws, standard error at most σ/√20000."""
    x, w, b = normal(2, 5), normal(3, 5, seed=1), normal(3, seed=2)
    mean, variance = F.drop_connect_moments(x, w, b, 0.5)
    sigma = variance**0.5
    z = mean / sigma
    phi, below = np.exp(-(z**2) / 2) / (2 * np.pi) ** 0.5, torch.special.ndtr(torch.tensor(z))
    want = mean * below.numpy() + sigma * phi
    relu = lambda u: np.maximum(u, 0)  # noqa: E731
    got = F.drop_connect_gaussian(x, w, b, 0.5, relu, generator(0), samples=20_000)
    assert (abs(got - want) < 6 * sigma / 20_000**0.5).all()  # 6 numbers, each 2·10⁻⁹
    assert abs(want - relu(mean)).max() > 0.1, "the cheaper rule is another number"


def test_many_examples_are_taken_in_blocks_with_the_masks_of_one_call(monkeypatch):
    module = importlib.import_module("convnets.functional.drop_connect")
    arrays = normal(7, 5, dtype=np.float32), normal(3, 5, dtype=np.float32), None
    y, _, (dx, dw, _db) = gradients(*CONNECT, *arrays)
    monkeypatch.setattr(module, "_BLOCK", 31)  # two examples at a time, and one
    y2, _, (dx2, dw2, _db) = gradients(*CONNECT, *arrays)
    same(y2, y)
    same(dx2, dx)
    same(dw2, dw)


def test_drop_all_has_dropout_and_drop_connect_at_its_ends():
    x, w, b = normal(4, 6), normal(3, 6), normal(3)
    dropped, _ = F.vanilla_dropout(x, 0.5, generator(1))
    same(F.drop_all(x, w, b, 0.5, 1.0, generator(1))[0], dropped @ w.T + b)
    rng = generator(1)
    rng.random(x.shape)  # the draws for activations, all of which are kept
    want, _ = F.drop_connect(x, w, b, 0.5, rng)
    same(F.drop_all(x, w, b, 1.0, 0.5, generator(1))[0], want)
    same(F.drop_all_eval(x, w, b, 0.5, 0.7)[0], 0.7 * (0.5 * x @ w.T + b))


@pytest.mark.parametrize("pair", [CONNECT, ALL])
@pytest.mark.parametrize("masks", ["example", "batch"])
def test_shapes_without_numbers_and_without_examples(pair, masks):
    y, cache = pair[0](*meta(normal(4, 3), normal(2, 3), normal(2)), masks=masks)
    assert [tuple(g.shape) for g in pair[1](y, cache)] == [(4, 3), (2, 3), (2,)]
    y, cache = pair[0](np.zeros((0, 3)), normal(2, 3), normal(2), masks=masks)
    dx, dw, db = pair[1](y, cache)
    assert dx.shape == (0, 3) and not dw.any() and not db.any()


def test_errors_name_what_is_wrong_and_draw_nothing():
    rng, good = generator(0), (np.ones((2, 3)), np.ones((4, 3)), np.ones(4))
    with pytest.raises(ValueError, match="unknown masks 'row': there are"):
        F.drop_connect(*good, 0.5, rng, masks="row")
    with pytest.raises(ValueError, match=r"in \(0, 1\], but is 0"):
        F.drop_connect(*good, 0, rng)
    with pytest.raises(ValueError, match=r"keep_weight is the probability"):
        F.drop_all(*good, 0.5, 1.5, rng)
    for function, more in [(F.drop_connect, ()), (F.drop_all, (0.5,))]:
        with pytest.raises(ShapeError, match="x has 3 features but w expects 5"):
            function(good[0], np.ones((4, 5)), None, 0.5, *more, rng)
        with pytest.raises(ShapeError, match="b must have the shape"):
            function(*good[:2], np.ones(3), 0.5, *more, rng)
    assert rng.bit_generator.state == generator(0).bit_generator.state
    _, cache = connect(*good)
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 4\)"):
        F.drop_connect_backward(np.ones((2, 3)), cache)
    with pytest.raises(ValueError, match="unknown masks"):
        DropConnectLinear(3, 4, masks="none")


@pytest.mark.parametrize("kind", [DropConnectLinear, DropAll])
@pytest.mark.parametrize("bias", [True, False])
def test_layers_drop_in_training_and_take_means_in_evaluation(kind, bias):
    layer, x = kind(6, 4, bias=bias, rng=0), normal(5, 6, dtype=np.float32)
    if bias:
        layer.bias.data += 1
    first, second = layer(x), layer(x)
    assert (first != second).any() and first.dtype == np.float32
    dx = layer.backward(first)
    assert dx.shape == x.shape and layer.weight.grad.shape == (4, 6)
    layer.eval()
    plain = Linear(6, 4, bias=bias)
    plain.load_state_dict(layer.state_dict())
    factor = 0.25 if kind is DropAll else 0.5
    offset = (0.5 - factor) * layer.bias.data if bias else 0
    same(layer(x), (factor * plain(x) + offset).astype(np.float32))
    layer.backward_parameters(first)
    assert (layer.bias is None) == (not bias)
    assert layer.multiply_adds((6,), (4,)) == 24


def test_layers_of_a_seed_are_alike_and_move_to_torch():
    one, two = (DropAll(6, 4, rng=1).to(like) for like in (np.zeros(1), torch.zeros(1).double()))
    x = normal(3, 6)
    same(to_numpy(two(torch.tensor(x))), one(x))
    assert "keep_weight=0.5" in repr(one)
