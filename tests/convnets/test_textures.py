"""Drawn shapes and textures: the same everywhere, and not to be had from colour alone."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from convnets.data import textures
from convnets.data.textures import _OUTLINES, BLOCK, CLASSES, SHAPES


@pytest.fixture(scope="module")
def train():
    return textures(2500, seed=0)


@pytest.fixture(scope="module")
def test():
    return textures(800, seed=1)


def test_the_same_seed_draws_the_same_images_and_another_seed_others():
    first, again, other = textures(5, seed=4), textures(5, seed=4), textures(5, seed=5)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert np.abs(first.images - other.images).max(axis=(1, 2, 3)).min() > 0.1


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_an_image_does_not_depend_on_how_many_are_drawn(n, train):
    few = textures(n, seed=0)
    np.testing.assert_array_equal(few.images, train.images[:n])
    np.testing.assert_array_equal(few.labels, train.labels[:n])


def test_images_are_float32_between_0_and_1_in_the_size_asked_for():
    data = textures(3, size=20)
    assert data.images.shape == (3, 3, 20, 20)
    assert data.images.dtype == np.float32
    assert data.images.min() >= 0
    assert data.images.max() <= 1
    assert len(textures(0)) == 0


def test_every_class_comes_about_equally_often(train):
    counts = np.bincount(train.labels, minlength=len(CLASSES))
    assert len(CLASSES) == 10
    assert counts.min() > 0.75 * counts.mean()


@pytest.mark.parametrize("shape", SHAPES)
def test_all_shapes_have_the_area_of_the_unit_disc(shape):
    axis = np.linspace(-2, 2, 1001)
    inside = _OUTLINES[shape](*np.meshgrid(axis, axis)) < 0
    assert inside.mean() * 16 == pytest.approx(np.pi, rel=0.02)


def test_the_mean_colour_tells_next_to_nothing(train, test):
    def mean_colour(data):
        return data.images.mean(axis=(2, 3))

    model = LogisticRegression(max_iter=1000).fit(mean_colour(train), train.labels)
    assert model.score(mean_colour(test), test.labels) < 0.15  # chance is 0.10


def test_the_pixels_tell_more(train, test):
    model = KNeighborsClassifier(1).fit(train.images.reshape(len(train), -1), train.labels)
    assert model.score(test.images.reshape(len(test), -1), test.labels) > 0.2


def test_edges_are_anti_aliased():
    # But for the noise, an image is what one drawn at twice its size becomes by averaging.
    small, large = textures(20, size=32), textures(20, size=64)
    np.testing.assert_array_equal(small.labels, large.labels)
    averaged = large.images.reshape(20, 3, 32, 2, 32, 2).mean(axis=(3, 5))
    assert np.abs(small.images - averaged).mean() < 0.024


def test_a_domain_shift_moves_colours_and_noise_but_not_the_objects():
    near, far = textures(300, domain=0.0), textures(300, domain=1.0)
    np.testing.assert_array_equal(near.labels, far.labels)

    def noise(data):
        return np.abs(np.diff(data.images[:, :, 0], axis=-1)).mean()

    def blue_minus_red(data):
        red, _, blue = data.images[:, :, 0].mean(axis=(0, 2))  # the top row: background
        return blue - red

    assert noise(far) > 2 * noise(near)
    assert blue_minus_red(near) > 0.05 > -0.05 > blue_minus_red(far)


def test_a_domain_between_lies_between():
    images = [textures(100, domain=d).images for d in (0.0, 0.5, 1.0)]
    apart = [np.abs(images[a] - images[b]).mean() for a, b in ((0, 1), (1, 2), (0, 2))]
    assert 0 < max(apart[:2]) < apart[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "n must be an integer >= 0, but is -1"),
        ({"n": 2.5}, "n must be an integer"),
        ({"n": 1, "seed": -3}, "seed must be"),
        ({"n": 1, "size": 4}, "size must be an integer >= 8"),
        ({"n": 1, "domain": 1.5}, "domain must lie between 0 and 1, but is 1.5"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        textures(**arguments)


def test_a_domain_given_as_a_number_of_numpy_changes_no_bit():
    want, got = textures(3, domain=0.3), textures(3, domain=np.float64(0.3))
    assert got.images.tobytes() == want.images.tobytes()
