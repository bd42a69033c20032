"""Data sets: what they accept, how they are divided, and which can be had by name."""

import numpy as np
import pytest

from convnets.data import Dataset, batches, digits, load, photograph, photographs, split


def numbered(n, classes=3):
    """Image i is filled with the number i."""
    images = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None, None], (n, 1, 2, 3))
    return Dataset(images.copy(), np.arange(n) % classes, tuple("abc"[:classes]))


def which(images):
    return images[:, 0, 0, 0].astype(int).tolist()


def test_a_dataset_tells_size_shape_and_classes():
    assert repr(numbered(4)) == "Dataset(4 images 1×2×3 float32, 3 classes: a, b, c)"


def test_the_repr_of_many_classes_is_cut_short():
    many = Dataset(np.zeros((1, 1, 2, 2), np.float32), [0], tuple(map(str, range(100))))
    assert repr(many).endswith("100 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)")


def test_labels_of_any_integer_type_become_int64():
    data = Dataset(np.zeros((2, 1, 2, 2), np.float32), np.array([1, 0], np.uint8), ["x", "y"])
    assert data.labels.dtype == np.int64
    assert data.classes == ("x", "y")


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        (np.zeros((2, 8, 8), np.float32), [0, 1], ValueError, r"\(N, C, H, W\).*\(2, 8, 8\)"),
        (np.zeros((2, 1, 8, 8), np.uint8), [0, 1], TypeError, r"uint8.*/ 255"),
        ([[[[0.0]]]], [0], TypeError, "NumPy array, but is list"),
        (np.zeros((2, 1, 8, 8), np.float32), [0.0, 1.0], TypeError, "integers.*float64"),
        (np.zeros((2, 1, 8, 8), np.float32), [0], ValueError, r"\(2,\).*\(1,\)"),
        (np.zeros((2, 1, 8, 8), np.float32), [0, 2], ValueError, "0 to 2.*2 classes: 0 to 1"),
        (np.zeros((2, 1, 8, 8), np.float32), [-1, 0], ValueError, "-1 to 0"),
    ],
)
def test_what_is_no_data_set_is_refused(images, labels, error, message):
    with pytest.raises(error, match=message):
        Dataset(images, labels, ("a", "b"))


def test_a_slice_is_a_view_and_take_a_copy():
    data = numbered(6)
    assert np.shares_memory(data[2:4].images, data.images)
    assert which(data[1::2].images) == [1, 3, 5]
    taken = data.take([5, 0, 5])
    assert which(taken.images) == [5, 0, 5]
    assert taken.labels.tolist() == [2, 0, 2]
    assert not np.shares_memory(taken.images, data.images)


def test_take_understands_booleans_and_nothing_at_all():
    data = numbered(6)
    assert which(data.take(data.labels == 1).images) == [1, 4]
    assert len(data.take([])) == 0


@pytest.mark.parametrize("index", [0, [1, 2], (0, 1)])
def test_an_index_that_is_no_slice_is_told_what_to_use(index):
    with pytest.raises(TypeError, match=r"data\.take"):
        numbered(3)[index]


def test_split_deals_out_every_example_once():
    parts = split(numbered(10), (0.5, 0.3, 0.2), np.random.default_rng(0))
    assert [len(part) for part in parts] == [5, 3, 2]
    dealt = [number for part in parts for number in which(part.images)]
    assert sorted(dealt) == list(range(10))
    assert dealt != list(range(10))


def test_split_keeps_images_with_their_labels():
    for part in split(numbered(9), (0.4, 0.6), np.random.default_rng(1)):
        assert part.labels.tolist() == [i % 3 for i in which(part.images)]


@pytest.mark.parametrize("n", [7, 10, 99])
def test_sizes_of_a_split_add_up_when_fractions_do_not_divide(n):
    parts = split(numbered(n), (1 / 3, 1 / 3, 1 / 3), np.random.default_rng(0))
    assert sum(map(len, parts)) == n


@pytest.mark.parametrize("fractions", [(0.5, 0.4), (1.5, -0.5), ()])
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(ValueError, match="add up to 1"):
        split(numbered(10), fractions, np.random.default_rng(0))


def test_a_split_that_leaves_a_part_empty_is_refused():
    with pytest.raises(ValueError, match="leave a part empty"):
        split(numbered(3), (0.99, 0.01), np.random.default_rng(0))


def test_batches_without_a_generator_are_views_in_order():
    data = numbered(5)
    got = list(batches(data, 2))
    assert [which(images) for images, _ in got] == [[0, 1], [2, 3], [4]]
    assert all(np.shares_memory(images, data.images) for images, _ in got)


def test_shuffled_batches_hold_every_example_once_with_its_label():
    got = list(batches(numbered(50), 8, np.random.default_rng(0)))
    order = [number for images, _ in got for number in which(images)]
    assert sorted(order) == list(range(50))
    assert order != list(range(50))
    assert np.concatenate([labels for _, labels in got]).tolist() == [i % 3 for i in order]
    assert [len(labels) for _, labels in got] == [8] * 6 + [2]


def test_equal_generators_give_equal_batches_and_each_epoch_differs():
    data, first, second = numbered(20), np.random.default_rng(3), np.random.default_rng(3)

    def epoch(rng):
        return [which(images) for images, _ in batches(data, 6, rng)]

    one = epoch(first)
    assert one == epoch(second)
    assert one != epoch(first)


def test_the_order_is_drawn_by_the_call_not_by_the_first_batch():
    data, early, late = numbered(20), np.random.default_rng(0), np.random.default_rng(0)
    waiting = batches(data, 20, early)
    assert early.random() != np.random.default_rng(0).random()
    assert which(next(waiting)[0]) == late.permutation(20).tolist()


def test_drop_last_leaves_out_what_does_not_fill_a_batch():
    assert [len(labels) for _, labels in batches(numbered(7), 3, drop_last=True)] == [3, 3]
    assert [len(labels) for _, labels in batches(numbered(6), 3, drop_last=True)] == [3, 3]


def test_a_generator_may_come_without_a_shuffle_but_not_the_reverse():
    rng = np.random.default_rng(0)
    assert which(next(batches(numbered(4), 4, rng, shuffle=False))[0]) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="needs a generator"):
        batches(numbered(4), 2, shuffle=True)
    with pytest.raises(ValueError, match="at least 1"):
        batches(numbered(4), 0)


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data, raw = digits(), load_digits()
    np.testing.assert_array_equal(data.images[:, 0] * 16, raw.images)
    np.testing.assert_array_equal(data.labels, raw.target)
    assert (data.images.dtype, data.labels.dtype) == (np.float32, np.int64)
    assert (data.images.min(), data.images.max()) == (0, 1)


def test_photographs_are_colour_images_with_channels_first():
    from sklearn.datasets import load_sample_image

    photos = photographs()
    for name, photo in photos.items():
        raw = load_sample_image(f"{name}.jpg").transpose(2, 0, 1)
        np.testing.assert_array_equal(photo, raw.astype(np.float32) / 255)
    assert sorted(photos) == ["china", "flower"]
    for photo in photos.values():
        assert photo.shape == (3, 427, 640)
        assert photo.dtype == np.float32
        assert photo.flags.c_contiguous
        assert 0 <= photo.min() < photo.max() <= 1
    red, _, blue = photos["china"][:, 20, 600]  # the sky
    assert blue > red


def test_a_photograph_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"no photograph 'mars'; there are 'china' and 'flower'"):
        photograph("mars")


def test_images_that_scikit_learn_does_not_have_are_named(monkeypatch):
    from convnets.data import builtin

    monkeypatch.setattr(builtin, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install scikit-learn"):
        digits()
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError, match=r"no file .*mars\.jpg"):
        builtin._file("images/mars.jpg")


def test_the_splits_of_the_digits_share_nothing_and_are_always_the_same():
    train, test = load("digits"), load("digits", "test")
    assert (len(train), len(test)) == (1438, 359)
    whole = np.concatenate([train.images, test.images]).reshape(1797, -1)
    order = np.lexsort(whole.T)
    expected = digits().images.reshape(1797, -1)
    np.testing.assert_array_equal(whole[order], expected[np.lexsort(expected.T)])
    np.testing.assert_array_equal(load("digits", "test").images, test.images)


@pytest.mark.parametrize("name", ["textures", "glyphs"])
def test_generated_sets_have_different_train_and_test_images(name):
    train, test = load(name), load(name, "test")
    assert (len(train), len(test)) == (5000, 1000)
    assert not np.array_equal(train.images[:1000], test.images)
    assert train.classes == test.classes


@pytest.mark.parametrize(
    ("given", "meant"),
    [("cifar", "cifar10"), ("Fashion-MNIST", "fashion_mnist"), ("texture", "textures")],
)
def test_an_unknown_name_is_told_the_closest_and_all(given, meant):
    with pytest.raises(ValueError, match=f"did you mean '{meant}'.*cifar10, digits, fashion_mnist"):
        load(given)


def test_a_name_like_none_is_told_all_and_an_unknown_split_too():
    with pytest.raises(ValueError, match="unknown data set 'zzz': there are cifar10"):
        load("zzz")
    with pytest.raises(ValueError, match="unknown split 'validation': there are train, test"):
        load("digits", "validation")
