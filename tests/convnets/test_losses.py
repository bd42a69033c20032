"""Softmax cross-entropy and hinge loss against PyTorch and numeric gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
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
    tensors,
)

from convnets import functional as F
from convnets.shapes import ShapeError


def torch_hinge(scores, labels, margin=1.0):
    """PyTorch divides by the number of classes, ours does not."""
    return TF.multi_margin_loss(scores, labels, margin=margin) * scores.shape[1]


LOSSES = {
    "softmax_cross_entropy": (
        F.softmax_cross_entropy,
        F.softmax_cross_entropy_backward,
        TF.cross_entropy,
    ),
    "hinge_loss": (F.hinge_loss, F.hinge_loss_backward, torch_hinge),
}
every = pytest.mark.parametrize("name", LOSSES)


def bound(name, labels):
    """Forward, backward and PyTorch's function with the labels filled in."""
    forward, backward, torch_fn = LOSSES[name]
    return (
        lambda scores, **options: forward(scores, labels, **options),
        backward,
        lambda scores, **options: torch_fn(scores, torch.tensor(labels), **options),
    )


@every
@repeatable
@given(
    n=st.integers(1, 6),
    k=st.integers(1, 7),
    layout=layouts(),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_values_and_gradients_equal_pytorch(name, n, k, layout, dtype):
    labels = np.random.default_rng(n).integers(0, k, n)
    check_against_autograd(*bound(name, labels), layout(3 * normal(n, k, dtype=dtype)))


@every
def test_numeric_gradient(name):
    forward, backward, _ = bound(name, np.array([2, 0, 2, 1]))
    check_numeric(forward, backward, 2 * normal(4, 3))


@pytest.mark.parametrize("margin", [0.0, 0.5, 3.0])
def test_hinge_margins(margin):
    check_against_autograd(*bound("hinge_loss", np.array([1, 3])), normal(2, 4), margin=margin)


def test_hinge_worked_by_hand():
    scores = np.array([[3.2, 5.1, -1.7]])
    loss, cache = F.hinge_loss(scores, np.array([0]))
    assert loss == pytest.approx(5.1 - 3.2 + 1)
    assert np.array_equal(F.hinge_loss_backward(1.0, cache), [[-1, 1, 0]])


def test_cross_entropy_of_equal_scores_is_the_logarithm_of_the_number_of_classes():
    loss, _ = F.softmax_cross_entropy(np.zeros((5, 10)), np.arange(5))
    assert loss == pytest.approx(np.log(10))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_neither_overflow_nor_warn(dtype):
    scores = np.array([[1000, -1000], [-1000, 1000], [1000, 1000]], dtype)
    loss, cache = F.softmax_cross_entropy(scores, np.array([1, 1, 0]))
    assert loss == pytest.approx((2000 + np.log(2)) / 3)
    want = np.array([[1, -1], [0, 0], [-0.5, 0.5]]) / 3
    np.testing.assert_allclose(F.softmax_cross_entropy_backward(1.0, cache), want, rtol=1e-6)
    np.testing.assert_array_equal(F.softmax(scores), [[1, 0], [0, 1], [0.5, 0.5]])
    assert np.isfinite(F.log_softmax(scores)).all()


@repeatable
@given(st.integers(1, 5), st.integers(1, 5), st.sampled_from([np.float32, np.float64]))
def test_softmax_and_its_logarithm_equal_pytorch(n, k, dtype):
    scores = 5 * normal(n, k, dtype=dtype)
    (t,) = tensors(scores)
    same(F.softmax(scores), torch.softmax(t, 1))
    same(F.log_softmax(scores), torch.log_softmax(t, 1))
    same(F.softmax(t), torch.softmax(t, 1))


@every
def test_the_loss_is_a_0d_array_of_the_dtype(name):
    forward, _, _ = LOSSES[name]
    scores, labels = normal(3, 4, dtype=np.float32), np.array([0, 1, 2])
    loss, _ = forward(scores, labels)
    assert isinstance(loss, np.ndarray)
    assert loss.shape == ()
    assert loss.dtype == np.float32
    (t,) = tensors(scores)
    assert forward(t, labels)[0].dtype == torch.float32  # labels of NumPy serve torch scores


@every
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_any_integers_and_lists_serve_as_labels(name, dtype):
    forward, _, _ = LOSSES[name]
    scores = normal(3, 4)
    same(forward(scores, np.array([3, 0, 1], dtype))[0], forward(scores, [3, 0, 1])[0])


@every
def test_dloss_scales_the_gradient_and_backward_may_be_called_twice(name):
    forward, backward, _ = LOSSES[name]
    _, cache = forward(normal(3, 4), np.array([0, 1, 2]))
    once = backward(1.0, cache)
    same(backward(np.asarray(2.5), cache), 2.5 * once)
    same(backward(1.0, cache), once)


@every
def test_meta_tensors_give_shapes(name):
    forward, backward, _ = LOSSES[name]
    scores, labels = meta(normal(3, 4), np.array([0, 1, 2]))
    loss, cache = forward(scores, labels)
    assert loss.shape == ()
    assert backward(1.0, cache).shape == (3, 4)


@every
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 4, 9], "label 4 at index 1 is out of range: with 4 classes, labels go from 0 to 3"),
        ([0, 1, -1], "label -1 at index 2 is out of range"),
        ([0.0, 1.0, 2.0], "labels must be integers from 0 to 3, but are float64"),
        ([True, False, True], "labels must be integers from 0 to 3, but are bool"),
        ([0, 1], r"one class for each of the 3 rows .* shape is \(2,\)"),
        ([[1, 0, 0, 0]] * 3, r"labels must be \(N,\).* shape is \(3, 4\)"),
    ],
)
@pytest.mark.parametrize("source", [np.array, torch.tensor])
def test_bad_labels_are_named(name, labels, message, source):
    forward, _, _ = LOSSES[name]
    labels = np.array(labels)
    with pytest.raises(ValueError, match=message):
        forward(source(np.zeros((3, 4))), source(labels))


@every
def test_scores_that_are_no_batch_are_named(name):
    forward, _, _ = LOSSES[name]
    with pytest.raises(ShapeError, match=r"scores must have 2 axes \(N, K\)"):
        forward(np.zeros(4), np.array([1]))
    with pytest.raises(ShapeError, match="each of the 0 rows of scores and at least one"):
        forward(np.zeros((0, 4)), np.zeros(0, int))
    with pytest.raises(TypeError, match="floating-point numbers, got int64"):
        forward(np.zeros((1, 4), int), np.array([1]))


# Soft targets


def distributions(n, k, seed=0, dtype=np.float64):
    """(N, K), each row positive and adding up to 1."""
    return np.random.default_rng(seed).dirichlet(np.ones(k), n).astype(dtype)


def torch_soft_hinge(scores, targets):
    """The mean of the hinge loss over the classes that may be the true one."""
    n, k = scores.shape
    losses = [
        TF.multi_margin_loss(scores, torch.full((n,), y), reduction="none") * k for y in range(k)
    ]
    return (targets * torch.stack(losses, 1)).sum(1).mean()


SOFT = {"softmax_cross_entropy": TF.cross_entropy, "hinge_loss": torch_soft_hinge}


@every
@repeatable
@given(
    n=st.integers(1, 6),
    k=st.integers(1, 7),
    layout=layouts(),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_soft_targets_equal_pytorch(name, n, k, layout, dtype):
    forward, backward, _ = LOSSES[name]
    targets = distributions(n, k, dtype=dtype)
    check_against_autograd(
        lambda scores: forward(scores, targets),
        backward,
        lambda scores: SOFT[name](scores, torch.tensor(targets)),
        layout(3 * normal(n, k, dtype=dtype)),
    )


@every
def test_soft_targets_have_the_numeric_gradient(name):
    forward, backward, _ = LOSSES[name]
    check_numeric(lambda s: forward(s, distributions(4, 3)), backward, 2 * normal(4, 3))


@every
@repeatable
@given(n=st.integers(1, 5), k=st.integers(1, 6))
def test_one_hot_rows_are_the_classes_themselves(name, n, k):
    forward, backward, _ = LOSSES[name]
    scores, labels = normal(n, k), np.random.default_rng(n).integers(0, k, n)
    hard, hard_cache = forward(scores, labels)
    soft, soft_cache = forward(scores, np.eye(k)[labels])
    same(soft, hard)
    same(backward(1.0, soft_cache), backward(1.0, hard_cache))


@every
def test_mixed_targets_give_the_mixture_of_the_losses(name):
    forward, _, _ = LOSSES[name]
    scores, first, second = normal(3, 4), np.array([0, 1, 2]), np.array([3, 1, 0])
    mixed, _ = forward(scores, 0.3 * np.eye(4)[first] + 0.7 * np.eye(4)[second])
    same(mixed, np.asarray(0.3 * forward(scores, first)[0] + 0.7 * forward(scores, second)[0]))


@every
def test_soft_targets_take_the_dtype_and_the_place_of_the_scores(name):
    forward, backward, _ = LOSSES[name]
    targets = distributions(3, 4)
    scores = normal(3, 4, dtype=np.float32)
    for given_scores in (scores, *tensors(scores)):
        loss, cache = forward(given_scores, targets)
        assert str(loss.dtype).endswith("float32")
        assert backward(1.0, cache).dtype == given_scores.dtype
    (device_scores,) = meta(scores)
    loss, cache = forward(device_scores, *meta(targets))
    assert backward(1.0, cache).shape == (3, 4)


@every
def test_soft_targets_are_left_alone(name):
    forward, backward, _ = LOSSES[name]
    targets = distributions(3, 4)
    before = targets.copy()
    _, cache = forward(normal(3, 4), targets)
    same(backward(1.0, cache), backward(1.0, cache))
    assert np.array_equal(targets, before)


@every
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.full((3, 4), 0.5), "row 0 adds up to 2 and its smallest is 0.5; divide each row"),
        ([[0.25] * 4, [1.5, -0.5, 0, 0], [0.25] * 4], "row 1 adds up to 1 .* is -0.5"),
        ([[np.nan] * 4] * 3, "row 0 adds up to nan"),
        (np.full((3, 2), 0.5), r"must be \(N, K\) = \(3, 4\) as the scores.* shape is \(3, 2\)"),
        (np.full((2, 4), 0.25), r"shape is \(2, 4\)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", [np.array, torch.tensor])
def test_rows_that_are_no_distribution_are_named(name, targets, message, source):
    forward, _, _ = LOSSES[name]
    with pytest.raises(ValueError, match=message):
        forward(source(np.zeros((3, 4))), source(np.array(targets)))


# Numbers of NumPy among the arguments


@every
@pytest.mark.parametrize(
    "targets", [np.array([0, 1, 2]), distributions(3, 4)], ids=["hard", "soft"]
)
def test_numpy_numbers_leave_float32_and_change_no_bit(name, targets):
    forward, backward, _ = LOSSES[name]
    scores = normal(3, 4, dtype=np.float32)
    want, want_cache = forward(scores, targets)
    options = {"margin": np.float64(1.0)} if name == "hinge_loss" else {}
    loss, cache = forward(scores, targets, **options)
    assert loss.dtype == np.float32 and loss.tobytes() == want.tobytes()
    for one in (np.float64(1.0), np.array(1.0)):
        dscores = backward(one, cache)
        assert dscores.dtype == np.float32
        assert dscores.tobytes() == backward(1.0, want_cache).tobytes()
