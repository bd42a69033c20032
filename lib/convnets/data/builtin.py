"""Real images that come with scikit-learn: no download."""

from __future__ import annotations

import numpy as np

from convnets.data.dataset import Dataset


def digits() -> Dataset:
    """1797 handwritten digits of 8×8 pixels, in the order of scikit-learn.

    Returns:
        Images (1797, 1, 8, 8), float32 in [0, 1] in steps of 1/16; classes "0" to "9".
    Reference: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI,
        doi:10.24432/C50P49.

    >>> digits()
    Dataset(1797 images 1×8×8 float32, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = (raw.images[:, None] / 16).astype(np.float32)
    return Dataset(images, raw.target, tuple("0123456789"))


def photographs() -> dict[str, np.ndarray]:
    """Two colour photographs, by name: "china" (a temple) and "flower" (a dahlia).

    Returns:
        Each (3, 427, 640), red, green and blue, float32 in [0, 1].

    >>> photographs()["china"].shape
    (3, 427, 640)
    """
    from sklearn.datasets import load_sample_image

    return {name: _channels_first(load_sample_image(f"{name}.jpg")) for name in ("china", "flower")}


def _channels_first(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32) / 255
