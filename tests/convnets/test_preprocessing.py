"""Preprocessing: what its name says of the training images, and the same for all others."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from convnets.data import Dataset, mean_image, pca, per_channel, whiten
from convnets.data.preprocessing import from_bytes, to_bytes

ALL = {
    "mean image": mean_image,
    "per channel": per_channel,
    "per channel, shift only": lambda x: per_channel(x, scale=False),
    "PCA": pca,
    "PCA whitening": whiten,
    "ZCA whitening": lambda x: whiten(x, kind="zca"),
}


def images(n=40, c=2, h=2, w=3, seed=0, dtype="float64"):
    """Correlated images with channels of different means and spreads."""
    rng = np.random.default_rng(seed)
    d = c * h * w
    flat = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    return flat.reshape(n, c, h, w).astype(dtype)


def covariance(y):
    flat = np.asarray(y).reshape(len(y), -1)
    return np.cov(flat.T, bias=True).reshape(flat.shape[1], flat.shape[1])


shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))


@repeatable
@given(shapes, st.integers(0, 1000))
def test_pca_makes_the_covariance_diagonal(shape, seed):
    x = images(60, *shape, seed=seed)
    found = pca(x)
    got = covariance(found.apply(x))
    assert np.allclose(got, np.diag(found.variances), atol=1e-9 * found.variances[0])
    assert (np.diff(found.variances) <= 0).all()


@repeatable
@given(shapes, st.integers(0, 1000), st.sampled_from(["pca", "zca"]))
def test_whitening_makes_the_covariance_the_identity(shape, seed, kind):
    x = images(60, *shape, seed=seed)
    y = whiten(x, epsilon=0, kind=kind).apply(x)
    assert np.allclose(covariance(y), np.eye(np.prod(shape)), atol=1e-6)
    assert np.allclose(np.mean(y, axis=0), 0, atol=1e-6)


@repeatable
@given(shapes, st.integers(0, 1000))
def test_scaling_gives_channels_mean_zero_and_deviation_one(shape, seed):
    x = images(20, *shape, seed=seed)
    y = per_channel(x).apply(x)
    assert np.allclose(y.mean((0, 2, 3)), 0) and np.allclose(y.std((0, 2, 3)), 1)
    assert np.allclose(mean_image(x).apply(x).mean(0), 0)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("torch_too", [False, True], ids=["NumPy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_undo_goes_back_and_nothing_else_changes(kind, torch_too, dtype):
    x, new = images(dtype=dtype), images(5, seed=1, dtype=dtype)
    if torch_too:
        x, new = torch.tensor(x), torch.tensor(new)
    before = new.clone() if torch_too else new.copy()
    found = ALL[kind](x)
    y = found.apply(new)
    back = found.undo(y)
    assert type(y) is type(new) and y.dtype == back.dtype == new.dtype
    np.testing.assert_allclose(back, before, rtol=1e-2 if dtype == "float32" else 1e-7, atol=1e-3)
    np.testing.assert_array_equal(new, before)


@pytest.mark.parametrize("kind", ALL)
def test_torch_and_numpy_agree(kind):
    x = images()
    ours, theirs = ALL[kind](x).apply(x), ALL[kind](torch.tensor(x)).apply(torch.tensor(x))
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_what_is_fitted_comes_from_the_training_images_only():
    train, other = images(), images(seed=1) + 5
    found = per_channel(train)
    assert abs(found.apply(other).mean()) > 1
    np.testing.assert_allclose(found.mean[:, 0, 0], train.mean((0, 2, 3)))


def test_zca_changes_an_image_less_than_pca_whitening():
    x = images()
    centred = x - x.mean(0)
    z = whiten(x, epsilon=0, kind="zca").apply(x)
    p = whiten(x, epsilon=0, kind="pca").apply(x).reshape(x.shape)
    assert z.shape == x.shape and ((z - centred) ** 2).sum() < ((p - centred) ** 2).sum()


def test_zca_is_symmetric():
    matrix = whiten(images(), kind="zca").matrix
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)


def test_fewer_components_keep_the_largest_variance():
    x = images()
    found = pca(x, components=3)
    y = found.apply(x)
    assert y.shape == (40, 3)
    lost = ((found.undo(y) - x) ** 2).sum() / len(x)
    assert lost == pytest.approx(found.variances[3:].sum())


def test_epsilon_bounds_how_much_noise_grows():
    x = images()
    got = np.diag(covariance(whiten(x, epsilon=2.0).apply(x)))
    variances = pca(x).variances
    np.testing.assert_allclose(got, variances / (variances + 2), rtol=1e-6)


def test_a_data_set_is_transformed_with_its_labels():
    data = Dataset(images(dtype="float32"), np.arange(40) % 2, ("a", "b"))
    scaled = per_channel(data.images).applied(data)
    assert scaled.images.shape == data.images.shape and (scaled.labels == data.labels).all()
    assert whiten(data.images, components=4).applied(data).images.shape == (40, 4, 1, 1)


def test_bytes_go_to_a_half_and_back():
    x = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    y = from_bytes(x)
    assert (y.min(), y.max(), y.dtype) == (-0.5, 0.5, np.float32)
    np.testing.assert_array_equal(to_bytes(y), x)
    np.testing.assert_array_equal(from_bytes(torch.tensor(x)), y)
    assert (from_bytes(np.zeros((2, 1, 3, 3), np.uint8)) == -0.5).all()  # black images are bytes
    np.testing.assert_array_equal(to_bytes(torch.tensor(y)), x)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: per_channel(np.ones((3, 2, 2))), ValueError, "N, C, H, W"),
        (lambda: per_channel(np.ones((3, 1, 2, 2))), ValueError, "channel 0 has the deviation 0.0"),
        (lambda: per_channel(np.ones((0, 1, 2, 2))), ValueError, "at least one image"),
        (lambda: pca(np.full((3, 1, 2, 2), np.nan)), ValueError, "infinite ones or NaN"),
        (lambda: per_channel(np.ones((3, 1, 2, 2), int)), TypeError, "floating-point"),
        (lambda: whiten(images(), kind="PCA"), ValueError, "'pca' or 'zca', but is 'PCA'"),
        (lambda: whiten(images(), epsilon=-1), ValueError, "epsilon must be >= 0, but is -1"),
        (lambda: whiten(images(5), epsilon=0), ValueError, r"8 of 12 directions have no variance"),
        (lambda: pca(images(), components=13), ValueError, "from 1 to 12"),
        (lambda: mean_image(images()).apply(images(h=3)), ValueError, "fitted to images of shape"),
        (lambda: pca(images()).apply(images(h=3)), ValueError, "fitted to images of shape"),
        (lambda: pca(images()).undo(np.ones((2, 5))), ValueError, "12 features"),
        (lambda: from_bytes(np.array([0.0, 1.0])), ValueError, "images in .0, 1. need only"),
        (lambda: from_bytes(np.array([0, 256])), ValueError, "bytes run from 0 to 255"),
    ],
)
def test_what_makes_no_sense_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
