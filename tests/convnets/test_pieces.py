"""Linear pieces, linear probes and spirals: what lecture 01 looks at networks with."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import normal, repeatable
from sklearn.linear_model import Ridge

from convnets.data import Dataset, spirals
from convnets.inspect import LinearProbe, linear_pieces
from convnets.layers import Flatten, Linear, ReLU, Sequential, Tanh


def mlp(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    layers = [Flatten()]
    for a, b in pairwise(sizes):
        layers += [Linear(a, b, rng=rng, init=lambda shape, r: r.standard_normal(shape)), ReLU()]
    for layer in layers[1::2]:
        layer.bias.data = rng.standard_normal(layer.bias.data.shape).astype(np.float32)
    return Sequential(*layers[:-1])


def on_a_line(count):
    return np.linspace(-3, 3, count)[:, None, None, None]


@repeatable
@given(width=st.integers(1, 12), seed=st.integers(0, 100))
def test_one_hidden_layer_has_at_most_one_piece_more_than_neurons_on_a_line(width, seed):
    model = mlp(1, width, 1, seed=seed)
    x = on_a_line(4001)
    numbers = linear_pieces(model, x)
    w, b = (getattr(model[1], name).data.ravel() for name in ("weight", "bias"))
    corners = np.unique(-b / w)
    inside = ((corners > -3) & (corners < 3)).sum()
    assert len(np.unique(numbers)) <= inside + 1 <= width + 1
    assert numbers[0] == 0 and (np.diff(np.maximum.accumulate(numbers)) <= 1).all()


def test_within_a_piece_the_network_is_linear_and_across_it_is_not():
    model = mlp(1, 6, 6, 1)
    x = on_a_line(6001)
    numbers, y = linear_pieces(model, x), np.asarray(model(x.astype(np.float32)), float)[:, 0]
    bends = np.abs(np.diff(y, 2)) > 1e-4
    same = (numbers[2:] == numbers[1:-1]) & (numbers[1:-1] == numbers[:-2])
    assert not bends[same].any()
    assert bends.sum() > 3


def test_a_composed_fold_doubles_the_pieces_with_each_layer():
    def fold():
        """x → 2 x for x < ½, 2 − 2 x above."""
        first, second = Linear(1, 2, rng=0), Linear(2, 1, rng=0)
        first.weight.data[:], first.bias.data[:] = 1, np.array([0, -0.5])
        second.weight.data[:], second.bias.data[:] = np.array([[2, -4]]), 0
        return Sequential(first, ReLU(), second)

    x = (np.arange(1024) + 0.5)[:, None] / 1024
    for depth in range(1, 6):
        numbers = linear_pieces(Sequential(*(fold() for _ in range(depth))), x)
        assert len(np.unique(numbers)) == 2**depth
        assert (np.diff(numbers) != 0).sum() == 2**depth - 1


def test_pieces_of_something_else_are_refused():
    with pytest.raises(TypeError, match="expected a Sequential, got Linear"):
        linear_pieces(Linear(1, 1), np.zeros((1, 1)))
    with pytest.raises(TypeError, match="no ReLU"):
        linear_pieces(Sequential(Linear(1, 1), Tanh()), np.zeros((1, 1)))


def test_looking_at_pieces_leaves_the_model_alone():
    model = mlp(1, 3, 1)
    y = model(np.ones((2, 1, 1, 1), np.float32))
    linear_pieces(model, on_a_line(5))
    assert model.backward(np.ones_like(y)).shape == (2, 1, 1, 1)


def test_a_probe_is_ridge_regression_on_standardised_features():
    features, labels = normal(60, 4) * [1, 10, 0.1, 2] + 3, np.arange(60) % 3
    probe = LinearProbe(features, labels, penalty=0.05)
    rows = (features - features.mean(0)) / features.std(0)
    ridge = Ridge(alpha=0.05 * 60).fit(rows, np.eye(3)[labels])
    np.testing.assert_allclose(probe.weights, ridge.coef_.T, atol=1e-10)
    np.testing.assert_allclose(probe.bias, ridge.intercept_, atol=1e-10)
    fresh = normal(20, 4, seed=1)
    want = ridge.predict((fresh - features.mean(0)) / features.std(0)).argmax(1)
    assert probe(fresh).tolist() == want.tolist()
    assert probe.accuracy(fresh, want) == 1


def test_features_that_never_vary_do_no_harm():
    features = np.c_[normal(40, 2), np.full(40, 7.0)]
    labels = (features[:, 0] > 0).astype(int)
    assert LinearProbe(features, labels, penalty=0).accuracy(features, labels) > 0.9


def test_a_probe_tells_what_it_cannot_use():
    with pytest.raises(ValueError, match=r"\(3, 2, 2\).*reshape"):
        LinearProbe(np.zeros((3, 2, 2)), np.zeros(3, int))
    with pytest.raises(ValueError, match=r"\(2,\)"):
        LinearProbe(np.zeros((3, 2)), np.zeros(2, int))
    with pytest.raises(ValueError, match="penalty must be >= 0, but is -1"):
        LinearProbe(np.zeros((3, 2)), np.zeros(3, int), penalty=-1)


def test_spirals_are_repeatable_and_their_arms_are_each_other_turned():
    a, b = spirals(400, rng=3), spirals(400, rng=3)
    assert isinstance(a, Dataset) and a.images.shape == (400, 2, 1, 1)
    np.testing.assert_array_equal(a.images, b.images)
    assert 0.35 < a.labels.mean() < 0.65
    exact = spirals(300, arms=3, noise=0, rng=1)
    x, y = exact.images[:, :, 0, 0].T.astype(float)
    r = np.hypot(x, y)
    turn = (np.arctan2(y, x) / (2 * np.pi) - 1.75 * r) % 1
    np.testing.assert_allclose((turn * 3 - exact.labels + 1) % 3, 1, atol=1e-4)
    assert set(exact.labels) == {0, 1, 2} and r.min() > 0.14 and r.max() <= 1


def test_no_line_parts_the_spirals():
    train = spirals(500, rng=0)
    rows = train.images.reshape(500, 2)
    assert LinearProbe(rows, train.labels).accuracy(rows, train.labels) < 0.75


def test_spirals_that_cannot_be_are_told():
    with pytest.raises(ValueError, match="they are 0 and 2"):
        spirals(0)
    with pytest.raises(ValueError, match="they are 5 and 1"):
        spirals(5, arms=1)
