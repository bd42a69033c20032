"""Gaussian dropout with a learned variance: noise, gradients, prior and bound."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import (
    check_against_autograd,
    check_numeric,
    layouts,
    meta,
    normal,
    repeatable,
    same,
    shapes_nchw,
)

from convnets import functional as F
from convnets.arrays import batch_last
from convnets.layers import VariationalDropout
from convnets.random import generator
from convnets.shapes import ShapeError


def seeded(x, log_alpha):
    """`variational_dropout` with the same noise at each call."""
    return F.variational_dropout(x, log_alpha, generator(3))


PAIR = (seeded, F.variational_dropout_backward)


def logs(channels, seed=1):
    """log α below its bound."""
    return -0.2 - np.abs(normal(channels, seed=seed))


@repeatable
@given(shapes_nchw(max_side=4), layouts())
def test_it_equals_autograd_through_the_same_noise(shape, layout):
    ones, _ = seeded(np.ones(shape), np.zeros(shape[1]))
    noise = torch.tensor(ones - 1)

    def torch_fn(x, log_alpha):
        return x * (1 + torch.exp(log_alpha / 2).reshape(1, -1, 1, 1) * noise)

    check_against_autograd(*PAIR, torch_fn, layout(normal(*shape)), logs(shape[1]))


@repeatable
@given(st.sampled_from([(1, 1), (4, 3), (2, 3, 2, 2), (2, 3, 4)]))
def test_gradients_are_numeric(shape):
    check_numeric(*PAIR, normal(*shape), logs(shape[1]), entries=10)


def test_the_noise_has_mean_one_and_variance_alpha():
    """n = 40,000 normal numbers: 6 standard errors, √(α/n) and α√(2/n), are 2·10⁻⁹ each."""
    alpha, n = np.array([0.05, 0.5, 1.0]), 40_000
    y, _ = F.variational_dropout(np.ones((n, 3)), np.log(alpha), generator(0))
    assert (abs(y.mean(0) - 1) < 6 * (alpha / n) ** 0.5).all()
    assert (abs(y.var(0) - alpha) < 6 * alpha * (2 / n) ** 0.5).all()


def test_its_moments_are_those_of_inverted_dropout():
    keep = 0.8  # m / keep: mean 1, variance (1 − keep) / keep
    assert np.var([0, 1 / keep, 1 / keep, 1 / keep, 1 / keep]) == pytest.approx((1 - keep) / keep)


def exact_kl(alpha):
    """−½ log α + E log |1 + √α ε| without its constant, by a fine sum that avoids the pole."""
    e = np.linspace(-12, 12, 2_000_001)
    e = (e[1:] + e[:-1]) / 2
    density = np.exp(-e * e / 2)
    inside = np.log(np.abs(1 + np.sqrt(alpha) * e) + 1e-300)
    return -np.log(alpha) / 2 + (density * inside).sum() / density.sum()


def test_the_kl_is_that_of_the_log_uniform_prior_up_to_a_constant():
    alphas = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]
    gaps = [F.variational_kl(np.log([a]))[0] - exact_kl(a) for a in alphas]
    gaps = np.array(gaps) - gaps[-1]
    assert abs(gaps[2:]).max() < 0.006 and abs(gaps[:2]).max() < 0.04


def test_the_gradient_of_the_kl_is_numeric_and_raises_alpha():
    log_alpha = logs(6)
    kl, gradient = F.variational_kl(log_alpha)
    for i in range(6):
        up, down = (
            F.variational_kl(log_alpha + s * 1e-6 * (np.arange(6) == i))[0] for s in (1, -1)
        )
        assert gradient[i] == pytest.approx((up - down) / 2e-6, rel=1e-6)
    assert isinstance(kl, float) and (gradient < 0).all()


def test_alpha_stops_at_one_and_can_come_back():
    x, above = normal(50, 3), np.array([0.5, 0.0, 3.0])
    y, cache = seeded(x, above)
    same(y, seeded(x, np.zeros(3))[0])
    _, gradient = F.variational_dropout_backward(y, cache)  # L = Σ y²/2 grows with the noise
    assert (gradient > 0).all()
    _, gradient = F.variational_dropout_backward(-y, cache)
    assert (gradient == 0).all()
    assert (F.variational_kl(above)[1] == 0).all()


def test_float32_layout_meta_and_torch():
    x = batch_last(normal(4, 3, 5, 2, dtype=np.float32))
    log_alpha = logs(3).astype(np.float32)
    y, cache = seeded(x, log_alpha)
    dx, dlog = F.variational_dropout_backward(y, cache)
    assert y.strides == dx.strides == x.strides and y.dtype == dlog.dtype == np.float32
    same(seeded(torch.tensor(x), torch.tensor(log_alpha))[0], y)
    assert np.array_equal(seeded(np.ascontiguousarray(x), log_alpha)[0], y)
    y, cache = seeded(*meta(x, log_alpha))
    dx, dlog = F.variational_dropout_backward(y, cache)
    assert y.shape == dx.shape == (4, 3, 5, 2) and dlog.shape == (3,)


def test_errors_name_what_is_wrong():
    for x, log_alpha in [(np.ones((2, 3)), np.zeros(2)), (np.ones(3), np.zeros(3))]:
        with pytest.raises(ShapeError, match="one number for each feature, the second axis"):
            seeded(x, log_alpha)
    for bad in (0, -1, 1.5, np.nan, "1"):
        with pytest.raises(ValueError, match=r"in \(0, 1\], but is"):
            VariationalDropout(3, alpha=bad)
    _, cache = seeded(np.ones((2, 3)), np.zeros(3))
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 3\)"):
        F.variational_dropout_backward(np.ones((3, 2)), cache)


def test_the_layer_is_noisy_in_training_only():
    layer, x = VariationalDropout(3, rng=0), normal(5, 3, dtype=np.float32)
    assert (layer(x) != x).all() and layer.backward(x).shape == x.shape
    assert layer.log_alpha.grad.shape == (3,) and layer.log_alpha.grad.dtype == np.float32
    layer(x)
    layer.eval()  # what was computed with noise is differentiated with it
    assert (layer.backward(x) != x).all() and layer.log_alpha.grad.any()
    assert np.array_equal(layer(x), x) and np.array_equal(layer.backward(x), x)
    assert not layer.log_alpha.grad.any()
    assert list(layer.state_dict()) == ["log_alpha"]


@pytest.mark.parametrize("features", [0, 2.5])
def test_a_layer_needs_a_whole_number_of_features(features):
    with pytest.raises(ShapeError, match="features must be an integer >= 1"):
        VariationalDropout(features)
