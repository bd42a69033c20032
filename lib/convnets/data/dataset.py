"""Labelled images in memory, and the three things done with them: take some, split, batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from convnets.random import generator


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with one class each, held in memory.

    Attributes:
        images: (N, C, H, W), float32 (float64 for gradient checks). The loaders deliver values in
            [0, 1]; normalised images may leave that range.
        labels: (N,), int64, the position in `classes`. Other integer types are converted.
        classes: the name of each class.
    Raises:
        TypeError: an array of the wrong kind of numbers.
        ValueError: shapes that do not belong together, or a label that no class has.

    >>> data = Dataset(np.zeros((4, 1, 2, 3), np.float32), np.array([0, 1, 1, 0]), ("cat", "dog"))
    >>> data
    Dataset(4 images 1×2×3 float32, 2 classes: cat, dog)
    >>> len(data[1:]), data.take([3, 0]).labels.tolist()
    (3, [0, 0])
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __post_init__(self):
        labels = np.asarray(self.labels)
        _check_images(self.images)
        _check_labels(labels, len(self.images), len(self.classes))
        object.__setattr__(self, "labels", labels.astype(np.int64, copy=False))
        object.__setattr__(self, "classes", tuple(self.classes))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice) -> Dataset:
        """A run of examples as a view: `data[:100]`, `data[::2]`."""
        if not isinstance(index, slice):
            raise TypeError(
                f"a Dataset is sliced, as data[:100], but the index is {index!r}; use "
                "data.take([...]) for chosen examples, data.images[i] and data.labels[i] for one."
            )
        return Dataset(self.images[index], self.labels[index], self.classes)

    def take(self, indices) -> Dataset:
        """The examples at `indices` ((M,) integers, or (N,) booleans), in that order, copied."""
        indices = np.asarray(indices)
        if indices.size == 0:
            indices = indices.astype(np.int64)
        return Dataset(self.images[indices], self.labels[indices], self.classes)

    def __repr__(self) -> str:
        size = "×".join(map(str, self.images.shape[1:]))
        names = ", ".join(self.classes[:10]) + (", …" if len(self.classes) > 10 else "")
        return (
            f"Dataset({len(self)} images {size} {self.images.dtype}, "
            f"{len(self.classes)} classes: {names})"
        )


def _check_images(images) -> None:
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be a NumPy array, but is {type(images).__name__}.")
    if images.ndim != 4:
        raise ValueError(
            f"images must be (N, C, H, W), but has shape {images.shape}; "
            "insert the axis of a single channel with images[:, None]."
        )
    if images.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"images must be float32, but is {images.dtype}; "
            "turn bytes into [0, 1] with images.astype(np.float32) / 255."
        )


def _check_labels(labels: np.ndarray, images: int, classes: int) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels must be integers, but the dtype is {labels.dtype}.")
    if labels.shape != (images,):
        raise ValueError(
            f"labels must be one per image, shape ({images},), but has shape {labels.shape}."
        )
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(
            f"labels run from {labels.min()} to {labels.max()}, "
            f"but there are {classes} classes: 0 to {classes - 1} are allowed."
        )


def split(
    dataset: Dataset, fractions: Sequence[float], rng: int | np.random.Generator
) -> tuple[Dataset, ...]:
    """Deal the examples into disjoint random parts, for training, validation and test.

    Args:
        dataset: what to divide.
        fractions: share of each part; positive, adding up to 1.
        rng: seed or generator that decides the order.
    Returns:
        One data set per fraction. Every example is in exactly one of them.
    Raises:
        ValueError: the fractions do not add up to 1, or leave a part empty.

    >>> data = Dataset(np.zeros((10, 1, 2, 2), np.float32), np.zeros(10, int), ("cat",))
    >>> [len(part) for part in split(data, (0.7, 0.2, 0.1), np.random.default_rng(0))]
    [7, 2, 1]
    """
    if not fractions or min(fractions) <= 0 or not math.isclose(sum(fractions), 1.0):
        raise ValueError(
            f"fractions must be positive and add up to 1, but are {tuple(fractions)} "
            f"with sum {sum(fractions):g}; write for example (0.8, 0.2)."
        )
    ends = np.round(np.cumsum(fractions) * len(dataset)).astype(int)
    parts = np.split(generator(rng).permutation(len(dataset)), ends[:-1])
    if min(map(len, parts)) == 0:
        raise ValueError(
            f"{len(dataset)} examples in shares {tuple(fractions)} leave a part empty; "
            "use larger fractions or more examples."
        )
    return tuple(dataset.take(part) for part in parts)


def batches(
    dataset: Dataset,
    batch_size: int,
    rng: np.random.Generator | None = None,
    shuffle: bool | None = None,
    drop_last: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Go through the examples once, a mini-batch at a time.

    Args:
        dataset: what to go through.
        batch_size: examples per batch, >= 1; the last batch holds what is left.
        rng: shuffles the examples anew at each call. The order is drawn by the call itself.
        shuffle: by default exactly where a generator is given.
        drop_last: leave out a last batch that is not full.
    Returns:
        An iterator over pairs of images (B, C, H, W) and labels (B,): copies in C order if
        shuffled, otherwise views of the data set, which must not be written to.
    Raises:
        ValueError: `batch_size` below 1, or a shuffle without a generator.

    >>> data = Dataset(np.zeros((5, 1, 2, 2), np.float32), np.arange(5), tuple("abcde"))
    >>> [labels.tolist() for _, labels in batches(data, 2)]
    [[0, 1], [2, 3], [4]]
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, but is {batch_size!r}.")
    shuffle = rng is not None if shuffle is None else shuffle
    if shuffle and rng is None:
        raise ValueError("shuffling needs a generator: rng=convnets.random.generator(seed).")
    count = len(dataset) - len(dataset) % batch_size if drop_last else len(dataset)
    order = rng.permutation(len(dataset)) if shuffle else None
    return _batches(dataset, range(0, count, batch_size), batch_size, order)


def _batches(dataset: Dataset, starts: range, batch_size: int, order: np.ndarray | None):
    for start in starts:
        part = slice(start, start + batch_size)
        chosen = part if order is None else order[part]
        yield dataset.images[chosen], dataset.labels[chosen]
