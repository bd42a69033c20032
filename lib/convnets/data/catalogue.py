"""Data sets by name."""

from __future__ import annotations

import difflib
import os

import numpy as np

from convnets.data.builtin import digits
from convnets.data.dataset import Dataset
from convnets.data.dataset import split as divide
from convnets.data.glyphs import glyphs
from convnets.data.published import cifar10, fashion_mnist
from convnets.data.textures import textures

NAMES = ("cifar10", "digits", "fashion_mnist", "glyphs", "textures")
SPLITS = ("train", "test")
GENERATED = {"train": 5000, "test": 1000}  # examples


def load(
    name: str,
    split: str = "train",
    cache: str | os.PathLike | None = None,
    *,
    mirror: str | None = None,
    progress: bool = True,
) -> Dataset:
    """A data set by its name; the same call gives the same images everywhere.

    Args:
        name: "cifar10" or "fashion_mnist" (downloaded once), "digits" (real, 8×8; four fifths
            train, one fifth test), "textures" or "glyphs" (drawn; 5000 train, 1000 test).
        split: "train" or "test", which share no example.
        cache: folder for downloads, by default $CONVNETS_DATA or the user's cache folder.
        mirror: addresses to try before the official one, by default $CONVNETS_MIRROR.
        progress: show a progress bar while downloading.
    Raises:
        ValueError: unknown name or split.
        DataError: the download failed; the message says what to do.

    >>> load("digits", "test")
    Dataset(359 images 1×8×8 float32, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    """
    _check("data set", name, NAMES)
    _check("split", split, SPLITS)
    if name in ("cifar10", "fashion_mnist"):
        published = cifar10 if name == "cifar10" else fashion_mnist
        return published(split, cache, mirror, progress)
    if name == "digits":
        return _digits(split)
    drawn = textures if name == "textures" else glyphs
    return drawn(GENERATED[split], seed=SPLITS.index(split))


def _digits(part: str) -> Dataset:
    train, test = divide(digits(), (0.8, 0.2), np.random.default_rng(0))
    return train if part == "train" else test


def _check(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        close = difflib.get_close_matches(
            str(given).lower().replace("-", "_"), known, n=1, cutoff=0.5
        )
        raise ValueError(
            f"unknown {what} {given!r}: "
            + (f"did you mean {close[0]!r}? " if close else "")
            + f"there are {', '.join(known)}."
        )
