"""Drawn characters: the same everywhere, from fonts that come with Matplotlib."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from convnets.data import glyphs
from convnets.data.glyphs import FONTS


def test_the_same_seed_draws_the_same_images_and_another_seed_others():
    first, again, other = glyphs(6, seed=4), glyphs(6, seed=4), glyphs(6, seed=5)
    np.testing.assert_array_equal(first.images, again.images)
    assert np.abs(first.images - other.images).max(axis=(1, 2, 3)).min() > 0.5


def test_an_image_does_not_depend_on_how_many_are_drawn():
    few, many = glyphs(7, noise=0.1), glyphs(60, noise=0.1)
    np.testing.assert_array_equal(few.images, many.images[:7])
    np.testing.assert_array_equal(few.labels, many.labels[:7])


def test_images_are_white_on_black_with_grey_edges():
    data = glyphs(50)
    assert data.images.shape == (50, 1, 28, 28)
    assert data.images.dtype == np.float32
    assert (data.images.min(), data.images.max()) == (0, 1)
    assert (data.images[:, :, 0] == 0).all()
    grey = (data.images > 0) & (data.images < 1)
    assert grey.mean(axis=(1, 2, 3)).min() > 0.02


def test_glyphs_can_be_told_apart():
    train, test = glyphs(2000, seed=0), glyphs(500, seed=1)
    model = KNeighborsClassifier(1).fit(train.images.reshape(2000, -1), train.labels)
    assert model.score(test.images.reshape(500, -1), test.labels) > 0.9


def test_all_characters_are_drawn_and_named():
    data = glyphs(400, characters="AbÄ7")
    assert data.classes == ("A", "b", "Ä", "7")
    assert np.bincount(data.labels).min() > 60


def test_fonts_are_files_that_matplotlib_ships_and_look_different():
    shipped = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    assert all((shipped / f"{font}.ttf").exists() for font in FONTS)
    still = {"rotation": 0, "shift": 0, "characters": "R"}
    drawn = {font: glyphs(1, fonts=(font,), **still).images for font in FONTS}
    assert len({image.tobytes() for image in drawn.values()}) == len(FONTS)


def test_fonts_without_a_character_are_passed_over():
    assert "cmr10" in FONTS
    cyrillic = glyphs(40, characters="Ж")
    only_dejavu = glyphs(
        40, characters="Ж", fonts=tuple(f for f in FONTS if not f.startswith("cm"))
    )
    np.testing.assert_array_equal(cyrillic.images, only_dejavu.images)


def test_a_shift_moves_the_centre_and_no_shift_leaves_it():
    def centres(shift):
        images = glyphs(40, characters="0", rotation=0, shift=shift).images[:, 0]
        weights = images / images.sum(axis=(1, 2), keepdims=True)
        return (weights.sum(axis=1) * np.arange(28)).sum(axis=1)

    assert np.abs(centres(0) - 13.5).max() < 0.5
    assert np.ptp(centres(0.2)) > 6


def test_rotation_turns_by_the_angle_asked_for_at_most():
    def tilt(rotation):
        image = glyphs(60, characters="l", fonts=("DejaVuSans",), rotation=rotation, shift=0).images
        rows = np.arange(28)
        middle = (image[:, 0] * rows).sum(axis=2) / np.maximum(image[:, 0].sum(axis=2), 1e-9)
        return np.rad2deg(np.arctan((middle[:, 18] - middle[:, 9]) / 9))

    assert np.abs(tilt(0)).max() < 0.5
    assert 20 < np.abs(tilt(25)).max() < 30


def test_noise_stays_between_0_and_1():
    data = glyphs(20, noise=0.2)
    assert (data.images.min(), data.images.max()) == (0, 1)
    assert data.images[:, :, 0].std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "n must be an integer >= 0"),
        ({"n": 1, "size": 3}, "size must be an integer >= 8"),
        ({"n": 1, "characters": "aba"}, "all different, but are 'aba'"),
        ({"n": 1, "characters": ""}, "one or more"),
        ({"n": 1, "characters": "a b"}, "no font draws all of 'a b'"),
        ({"n": 1, "characters": "漢"}, "no font draws all of '漢'"),
        ({"n": 1, "fonts": ("Arial",)}, r"unknown fonts \['Arial'\].*DejaVuSans"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        glyphs(**arguments)
