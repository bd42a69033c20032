"""Real images that come with scikit-learn: no download.

The files are read from where they lie: importing scikit-learn would take a second, and its own
loader decodes each photograph twice.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from convnets.data.dataset import Dataset

PHOTOGRAPHS = ("china", "flower")


def digits() -> Dataset:
    """1797 handwritten digits of 8×8 pixels, in the order of scikit-learn.

    Returns:
        Images (1797, 1, 8, 8), float32 in [0, 1] in steps of 1/16; classes "0" to "9".
    Reference: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI,
        doi:10.24432/C50P49.

    >>> digits()
    Dataset(1797 images 1×8×8 float32, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    """
    rows = np.loadtxt(_file("data/digits.csv.gz"), delimiter=",", dtype=np.float32)
    images = rows[:, :-1].reshape(-1, 1, 8, 8) / 16
    return Dataset(images, rows[:, -1].astype(np.int64), tuple("0123456789"))


def photographs() -> dict[str, np.ndarray]:
    """Two colour photographs, by name: "china" (a temple) and "flower" (a dahlia).

    Returns:
        Each (3, 427, 640), red, green and blue, float32 in [0, 1].

    >>> sorted(photographs())
    ['china', 'flower']
    """
    return {name: photograph(name) for name in PHOTOGRAPHS}


def photograph(name: str) -> np.ndarray:
    """One of the `photographs`.

    Args:
        name: "china" or "flower".
    Returns:
        (3, 427, 640), red, green and blue, float32 in [0, 1].
    Raises:
        ValueError: there is no such photograph.

    >>> photograph("china").shape
    (3, 427, 640)
    """
    if name not in PHOTOGRAPHS:
        there = " and ".join(map(repr, PHOTOGRAPHS))
        raise ValueError(f"there is no photograph {name!r}; there are {there}.")
    from PIL import Image

    with Image.open(_file(f"images/{name}.jpg")) as image:
        return _channels_first(np.asarray(image))


def _file(name: str) -> Path:
    """A data file of scikit-learn, which is not imported.

    Raises:
        FileNotFoundError: it is not there.
    """
    package = find_spec("sklearn")
    if package is None:
        raise FileNotFoundError("scikit-learn is not installed; try: pip install scikit-learn")
    path = Path(package.origin).parent / "datasets" / name
    if not path.is_file():
        raise FileNotFoundError(f"scikit-learn has no file {path}; try to install it again.")
    return path


def _channels_first(image: np.ndarray) -> np.ndarray:
    values = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
    values /= 255
    return values
