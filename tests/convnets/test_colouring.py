"""Grey images get colours that say nothing about their class."""

import numpy as np
import pytest

from convnets.data import coloured, glyphs, textures

GREY = glyphs(40, size=8)


def test_every_image_is_its_grey_one_times_a_colour():
    colour = coloured(GREY, seed=1, darkest=0.3)
    assert colour.images.shape == (40, 3, 8, 8) and colour.images.dtype == np.float32
    lit = GREY.images[:, 0] > 0
    for c in range(3):
        ratios = [colour.images[i, c][lit[i]] / GREY.images[i, 0][lit[i]] for i in range(40)]
        assert all(np.allclose(r, r[0], rtol=1e-5) and 0.3 <= r[0] <= 1 for r in ratios)
    assert (colour.labels == GREY.labels).all()


def test_the_first_images_do_not_depend_on_how_many_follow():
    np.testing.assert_array_equal(coloured(GREY[:5]).images, coloured(GREY).images[:5])
    assert not np.array_equal(coloured(GREY, seed=1).images, coloured(GREY, seed=2).images)


def test_float64_stays():
    data = type(GREY)(GREY.images.astype(np.float64), GREY.labels, GREY.classes)
    assert coloured(data).images.dtype == np.float64


def test_what_cannot_be_coloured_is_named():
    with pytest.raises(ValueError, match="must have one channel"):
        coloured(textures(2))
    with pytest.raises(ValueError, match=r"darkest must lie in \[0, 1\], but is 2"):
        coloured(GREY, darkest=2)
