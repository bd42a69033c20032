"""Images put on a canvas: whole, once, and where it is said."""

import numpy as np
import pytest

from convnets.data import Dataset, on_canvas


def small(count=50):
    images = np.random.default_rng(0).random((count, 2, 3, 4), dtype=np.float32)
    return Dataset(images, np.arange(count) % 3, ("a", "b", "c"))


def test_an_image_lies_where_the_corner_says_and_all_else_is_zero():
    large, corners = on_canvas(small(), 9, rng=1)
    for image, canvas, (row, column) in zip(small().images, large.images, corners, strict=True):
        assert np.array_equal(canvas[:, row : row + 3, column : column + 4], image)
        assert np.count_nonzero(canvas) == np.count_nonzero(image)


def test_every_place_is_reached_and_labels_stay():
    large, corners = on_canvas(small(500), 5, rng=1)
    assert sorted(set(corners[:, 0])) == [0, 1, 2]
    assert sorted(set(corners[:, 1])) == [0, 1]
    assert np.array_equal(large.labels, small(500).labels)


def test_a_canvas_of_the_images_own_size_leaves_no_choice():
    square = Dataset(small().images[..., :3], small().labels, ("a", "b", "c"))
    large, corners = on_canvas(square, 3, rng=1)
    assert not corners.any()
    assert np.array_equal(large.images, square.images)


def test_a_canvas_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 4"):
        on_canvas(small(), 3, rng=0)
