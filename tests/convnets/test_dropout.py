"""Dropout, whole channels and whole branches: distributions, gradients, PyTorch, training."""

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
    layouts,
    meta,
    normal,
    repeatable,
    same,
    shapes_nchw,
)

from convnets import functional as F
from convnets.arrays import batch_last, to_numpy
from convnets.callbacks import Checkpoint
from convnets.data import Dataset
from convnets.layers import (
    DropMaps2d,
    Dropout,
    Flatten,
    Linear,
    ReLU,
    Sequential,
    StochasticDepth,
    VanillaDropout,
)
from convnets.optim import SGD
from convnets.random import generator
from convnets.shapes import ShapeError
from convnets.train import evaluate, fit, fit_many

# The name convnets.functional.dropout is taken by the function.
module = importlib.import_module("convnets.functional.dropout")

PAIRS = {
    "inverted": (F.dropout, F.dropout_backward),
    "vanilla": (F.vanilla_dropout, F.vanilla_dropout_backward),
    "maps": (F.drop_maps, F.drop_maps_backward),
    "depth, batch": (F.stochastic_depth, F.stochastic_depth_backward),
    "depth, row": (F.stochastic_depth, F.stochastic_depth_backward),
}
kinds = st.sampled_from(list(PAIRS))
probabilities = st.sampled_from([0.2, 0.5, 0.9, 1.0])


def seeded(kind, seed=3):
    """The pair, drawing the same mask at each call."""
    forward, backward = PAIRS[kind]
    mode = {"mode": kind.split()[1]} if "depth" in kind else {}

    def again(x, keep_prob):
        return forward(x, keep_prob, generator(seed), **mode)

    return again, backward


def noise(kind, x, keep_prob):
    """What `seeded` multiplies x by, as a constant."""
    y, _ = seeded(kind)[0](np.ones_like(to_numpy(x)), keep_prob)
    return y


@repeatable
@given(kinds, shapes_nchw(), layouts(), probabilities, st.sampled_from([np.float32, np.float64]))
def test_it_equals_autograd_through_the_same_mask(kind, shape, layout, keep_prob, dtype):
    x = layout(normal(*shape, dtype=dtype))
    factor = torch.tensor(noise(kind, x, keep_prob))
    check_against_autograd(*seeded(kind), lambda x, keep_prob: x * factor, x, keep_prob=keep_prob)


@repeatable
@given(kinds, shapes_nchw(max_side=3), layouts(), probabilities)
def test_it_has_the_numeric_gradient(kind, shape, layout, keep_prob):
    check_numeric(*seeded(kind), layout(normal(*shape)), entries=10, keep_prob=keep_prob)


@pytest.mark.parametrize("kind, theirs", [("inverted", "dropout"), ("maps", "dropout2d")])
def test_it_equals_pytorch_where_the_mask_is_pytorchs(kind, theirs, monkeypatch):
    """PyTorch tells its mask on ones; our draws are then chosen so that they give that mask."""
    x, keep = normal(4, 5, 3, 2), 0.7

    def torch_fn(x, keep_prob):
        torch.manual_seed(5)
        return getattr(torch.nn.functional, theirs)(x, 1 - keep_prob)

    mask = to_numpy(torch_fn(torch.ones(4, 5, 3, 2), keep)) > 0
    assert 0 < mask.mean() < 1

    def draws(rng, shape, like):
        found = mask[:, :, : shape[0], : shape[2]].transpose(2, 1, 3, 0)
        found = np.where(found, keep - 0.01, keep)
        return torch.tensor(found) if isinstance(like, torch.Tensor) else found

    monkeypatch.setattr(module, "uniform", draws)
    check_against_autograd(*seeded(kind), torch_fn, x, keep_prob=keep)


@pytest.mark.parametrize("kind", PAIRS)
def test_the_mask_depends_neither_on_the_library_nor_on_the_layout(kind):
    x, (forward, _) = np.ones((4, 3, 5, 2), np.float32), seeded(kind)
    want = forward(x, 0.5)[0]
    assert np.array_equal(to_numpy(forward(torch.tensor(x), 0.5)[0]), want)
    for lie in (batch_last, np.asfortranarray):
        y, cache = forward(lie(x), 0.5)
        assert np.array_equal(y, want) and y.strides == lie(x).strides
        assert seeded(kind)[1](lie(x), cache).strides == lie(x).strides


@pytest.mark.parametrize("kind", ["inverted", "vanilla", "maps", "depth, row"])
def test_masks_differ_between_examples_and_between_calls(kind):
    rng, x = generator(0), np.ones((40, 30, 1, 1))
    first, second = (PAIRS[kind][0](x, 0.5, rng, *kind.split()[1:])[0] for _ in range(2))
    # Chance of a false alarm: two of 80 rows of 30 alike, at most 80²/2 · 2⁻³⁰ = 3·10⁻⁶. With one
    # number for each of 40 rows: two calls, or all rows of a call, alike: 3 · 2⁻³⁹.
    rows = np.concatenate([first, second]).reshape(80, 30) > 0
    if kind == "depth, row":
        assert not np.array_equal(first, second) and 0 < rows[:40, 0].mean() < 1
        assert (rows == rows[:, :1]).all()
    else:
        assert len(np.unique(rows, axis=0)) == 80


def test_one_z_holds_for_the_whole_batch():
    rng, x = generator(0), np.ones((5, 2))
    found = [F.stochastic_depth(x, 0.5, rng)[0] for _ in range(40)]  # all alike: 2⁻³⁹
    assert {y.sum() for y in found} == {0.0, 10.0}


@pytest.mark.parametrize("keep_prob", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("kind", ["inverted", "vanilla", "maps", "depth, row"])
def test_the_share_kept_is_keep_prob(kind, keep_prob):
    """Hoeffding: P(|share − p| > t) <= 2 exp(−2 n t²); n = 40,000, t = 0.02: 3·10⁻¹⁴."""
    x = np.ones((40_000, 1, 1, 1), np.float32)
    share = (PAIRS[kind][0](x, keep_prob, generator(1), *kind.split()[1:])[0] > 0).mean()
    assert abs(share - keep_prob) < 0.02


def test_neighbours_are_dropped_independently():
    """n = 20,000 pairs of neighbours, both kept with chance 1/4: Hoeffding with t = 0.03, 4·10⁻¹⁶.

    The pairs (0, 1), (2, 3), ... share no unit, so they are independent.
    """
    y, _ = F.dropout(np.ones((100, 400)), 0.5, generator(2))
    assert abs(((y[:, ::2] > 0) & (y[:, 1::2] > 0)).mean() - 0.25) < 0.03


@pytest.mark.parametrize("keep_prob", [0.3, 0.5, 1.0])
def test_over_all_masks_inverted_and_vanilla_agree_with_the_test_rule(keep_prob, monkeypatch):
    """Enumeration: Σ over the 2⁴ masks of P(mask) · y; inverted gives x, vanilla keep_prob · x."""
    x = normal(1, 4)
    expected = {"inverted": np.zeros((1, 4)), "vanilla": np.zeros((1, 4))}
    for mask in itertools.product([True, False], repeat=4):
        chance = np.prod(np.where(mask, keep_prob, 1 - keep_prob))
        draws = np.where(mask, 0.0, 0.9999).reshape(1, 4)
        monkeypatch.setattr(module, "uniform", lambda rng, shape, like, draws=draws: draws)
        for kind in expected:
            y = PAIRS[kind][0](x, keep_prob, None)[0] if chance else 0.0
            expected[kind] += chance * y
    same(expected["inverted"], x)
    same(expected["vanilla"], F.vanilla_dropout_eval(x, keep_prob)[0])


def test_vanilla_at_the_test_is_a_factor_forward_and_backward():
    y, dy, (dx,) = gradients(
        F.vanilla_dropout_eval, F.vanilla_dropout_backward, normal(3, 4), keep_prob=0.3
    )
    same(y, 0.3 * normal(3, 4))
    same(dx, 0.3 * dy)


def test_survival_falls_along_a_line():
    # Huang et al. 2016, section 3: with L = 54 and p_L = 0.5, about 40 blocks are kept on average.
    kept = sum(F.survival_probability(block, 54) for block in range(1, 55))
    assert kept == pytest.approx(40.25)
    with pytest.raises(ValueError, match="block is 6, but there are 5"):
        F.survival_probability(6, 5)


@pytest.mark.parametrize("kind", PAIRS)
def test_meta_tensors_give_shapes(kind):
    (x,) = meta(normal(2, 3, 4, 5))
    forward, backward = seeded(kind)
    y, cache = forward(x, 0.5)
    assert y.shape == backward(y, cache).shape == (2, 3, 4, 5) and y.device.type == "meta"


@pytest.mark.parametrize("kind", PAIRS)
def test_an_empty_batch_stays_empty(kind):
    forward, backward = seeded(kind)
    y, cache = forward(np.zeros((0, 3, 2, 2)), 0.5)
    assert backward(y, cache).shape == (0, 3, 2, 2)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_torch_generator_draws_for_tensors(kind):
    rng = torch.Generator().manual_seed(1)
    y, _ = PAIRS[kind][0](torch.ones(50, 4, 1, 1), 0.5, rng, *kind.split()[1:])
    assert set(y.unique().tolist()) <= {0.0, 1.0, 2.0}
    assert Dropout(rng=rng).rng is rng


@pytest.mark.parametrize("bad", [0, 0.0, -0.1, 1.5, np.nan, np.inf, True, "0.5", None, [0.5]])
@pytest.mark.parametrize("kind", PAIRS)
def test_a_probability_outside_its_range_is_refused_and_nothing_drawn(kind, bad):
    rng = generator(0)
    with pytest.raises(ValueError, match=r"kept, in \(0, 1\], but is .*nothing would be left"):
        PAIRS[kind][0](np.ones((2, 3, 1, 1)), bad, rng)
    assert rng.bit_generator.state == generator(0).bit_generator.state


def test_other_errors_name_what_is_wrong():
    with pytest.raises(ShapeError, match=r"x must have 4 axes"):
        F.drop_maps(np.ones((2, 3)), 0.5, generator(0))
    with pytest.raises(ShapeError, match=r"x must have 4 axes"):
        DropMaps2d().eval()(np.ones((2, 3)))
    with pytest.raises(ValueError, match="unknown mode 'rows': there are"):
        F.stochastic_depth(np.ones((2, 3)), 0.5, generator(0), mode="rows")
    with pytest.raises(ValueError, match="unknown mode"):
        StochasticDepth(ReLU(), mode="each")
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator"):
        F.dropout(np.ones(3), 0.5, 0)
    with pytest.raises(TypeError, match="expected floating-point numbers"):
        F.dropout(np.ones(3, int), 0.5, generator(0))
    _, cache = F.dropout(np.ones((2, 3)), 0.5, generator(0))
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 3\)"):
        F.dropout_backward(np.ones((3, 2)), cache)
    layer = Dropout(0.5)
    with pytest.raises(ValueError, match="but is 0"):
        layer.keep_prob = 0
    assert layer.keep_prob == 0.5
    with pytest.raises(RuntimeError, match="before forward"):
        layer.backward(np.ones(2))


def test_numpy_numbers_leave_float32_and_change_no_bit():
    x = normal(2, 6, dtype=np.float32)
    y, _ = F.dropout(x, np.float64(0.3), generator(0))
    assert y.dtype == np.float32 and y.tobytes() == F.dropout(x, 0.3, generator(0))[0].tobytes()
    assert repr(Dropout(np.float32(0.5))) == "Dropout(keep_prob=0.5)"


@pytest.mark.parametrize("kind", [Dropout, VanillaDropout, DropMaps2d])
def test_a_layer_drops_in_training_only(kind):
    x, layer = np.ones((6, 5, 2, 2), np.float32), kind(0.8, rng=0)
    assert (layer(x) == 0).any()
    state = layer.rng.bit_generator.state
    factor = np.float32(0.8) if kind is VanillaDropout else 1
    layer.eval()
    assert np.array_equal(layer(x), factor * x)
    assert np.array_equal(layer.backward(2 * x), 2 * factor * x)
    assert layer.rng.bit_generator.state == state, "evaluation drew numbers"
    assert layer.multiply_adds((5, 2, 2), (5, 2, 2)) == 0 and layer.field("field") == "field"


def block(mode, keep_prob=0.5, seed=0):
    branch = Sequential(Linear(4, 4, rng=0), ReLU(), Linear(4, 4, rng=1))
    branch[2].bias.data += 1  # so that no example's branch is zero by itself
    return StochasticDepth(branch, keep_prob=keep_prob, mode=mode, rng=seed)


@pytest.mark.parametrize("mode", ["batch", "row"])
def test_a_branch_is_kept_or_left_out(mode):
    layer, x = block(mode), normal(20, 4, dtype=np.float32)
    dy = normal(20, 4, seed=1, dtype=np.float32)
    branch = layer.branch(x)
    seen = []
    for _ in range(30):  # in the mode "batch", all alike: 2⁻²⁹
        y = layer(x)
        z = (y != x).any(axis=1, keepdims=True)
        same(y, x + branch * z)
        seen.append(z.mean())
    assert len(set(seen)) > 1 and (mode == "row" or set(seen) == {0.0, 1.0})
    layer.eval()
    same(layer(x), x + np.float32(0.5) * branch)
    same(layer.backward(dy), dy + layer.branch.backward(np.float32(0.5) * dy))


def test_a_branch_left_out_is_not_computed_and_has_zero_gradients():
    layer, x = block("batch", keep_prob=1e-6), normal(3, 4, dtype=np.float32)
    layer.branch.forward = None  # would raise if it were called
    assert np.array_equal(layer(x), x)
    dx = layer.backward(x)
    assert np.array_equal(dx, x) and dx is not x
    assert all(
        not p.grad.any() and p.grad.shape == p.data.shape for p in layer.parameters().values()
    )


@pytest.mark.parametrize("mode", ["batch", "row"])
def test_the_gradients_of_a_block_are_numeric(mode):
    layer = block(mode).to(np.zeros(1))

    def forward(x):
        layer.rng = generator(4)
        return layer(x), None

    check_numeric(forward, lambda dy, _: layer.backward(dy), normal(3, 4))


def test_a_shortcut_that_does_not_fit_is_explained():
    with pytest.raises(ShapeError, match="cannot be added"):
        StochasticDepth(Linear(4, 3), keep_prob=1.0)(np.ones((2, 4), np.float32))


IMAGES = Dataset(normal(60, 2, 3, 3, dtype=np.float32), np.arange(60) % 3, ("a", "b", "c"))


def make(seed=0):
    inside = Sequential(Linear(8, 8, rng=seed), ReLU())
    return Sequential(
        *(DropMaps2d(0.9, rng=seed), Flatten(), Linear(18, 8, rng=seed), ReLU()),
        *(Dropout(0.7, rng=seed), StochasticDepth(inside, rng=seed)),
        *(VanillaDropout(0.8, rng=seed), Linear(8, 3, rng=seed)),
    )


def train(model, epochs, **options):
    sgd = SGD(model.parameters(), lr=0.1, momentum=0.9)
    options = {"batch_size": 16, "rng": 0, "progress": False} | options
    return fit(model, sgd, IMAGES, epochs=epochs, **options)


def test_a_resumed_training_draws_the_masks_of_an_uninterrupted_one(tmp_path):
    whole, first, second = make(), make(), make(seed=1)
    train(whole, 4, callbacks=[Checkpoint(tmp_path / "other.npz")])
    train(first, 2, callbacks=[Checkpoint(tmp_path / "run.npz")])
    train(second, 4, callbacks=[Checkpoint(tmp_path / "run.npz")], resume=tmp_path / "run.npz")
    for name, values in whole.state_dict().items():
        assert values.tobytes() == second.state_dict()[name].tobytes(), name


def test_evaluation_changes_no_training():
    plain, watched = make(), make()
    train(plain, 2)
    train(watched, 2, val=IMAGES)
    assert evaluate(watched, IMAGES) == evaluate(watched, IMAGES)
    for name, values in plain.state_dict().items():
        assert np.array_equal(values, watched.state_dict()[name]), name


def test_many_models_draw_the_masks_of_runs_of_their_own():
    sgd = lambda model: SGD(model.parameters(), lr=0.1)  # noqa: E731
    options = {"epochs": 2, "batch_size": 16, "progress": False}
    for seed, run in zip(
        range(3), fit_many(make, sgd, IMAGES, seeds=range(3), **options), strict=True
    ):
        alone = make(seed)
        fit(alone, sgd(alone), IMAGES, rng=seed, **options)
        for name, values in alone.state_dict().items():
            np.testing.assert_allclose(
                run.model.state_dict()[name], values, atol=1e-6, err_msg=name
            )
