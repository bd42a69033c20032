"""CIFAR-10 and Fashion-MNIST, downloaded once and read without pickle."""

from __future__ import annotations

import gzip
import os
import tarfile
from math import prod
from pathlib import Path

import numpy as np

from convnets.data.dataset import Dataset
from convnets.data.download import RemoteFile, fetch

CIFAR10 = RemoteFile(
    "cifar10/cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
)
CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_BATCHES = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}


def _fashion(name: str, md5: str) -> RemoteFile:
    host = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
    return RemoteFile(f"fashion_mnist/{name}", f"{host}/{name}", md5)


# The images and the labels of each split.
FASHION_MNIST = {
    "train": (
        _fashion("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        _fashion("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
    ),
    "test": (
        _fashion("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        _fashion("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
}
FASHION_MNIST_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def cifar10(
    split: str = "train",
    cache: str | os.PathLike | None = None,
    mirror: str | None = None,
    progress: bool = True,
) -> Dataset:
    """Colour photographs of ten kinds of animals and vehicles: 170 MB, fetched once.

    Args:
        split: "train" (50,000 images, 614 MB in memory) or "test" (10,000).
        cache, mirror, progress: see `convnets.data.download.fetch`.
    Returns:
        Images (N, 3, 32, 32), float32 in [0, 1].
    Raises:
        DataError: the download failed; the message says what to do.
    Reference: Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """
    names = CIFAR10_BATCHES[split]
    images, labels = read_cifar10(fetch(CIFAR10, cache, mirror, progress), names)
    return Dataset(images / np.float32(255), labels, CIFAR10_CLASSES)


def fashion_mnist(
    split: str = "train",
    cache: str | os.PathLike | None = None,
    mirror: str | None = None,
    progress: bool = True,
) -> Dataset:
    """Grey pictures of ten kinds of clothing: 31 MB, fetched once.

    Args:
        split: "train" (60,000 images) or "test" (10,000).
        cache, mirror, progress: see `convnets.data.download.fetch`.
    Returns:
        Images (N, 1, 28, 28), float32 in [0, 1].
    Raises:
        DataError: the download failed; the message says what to do.
    Reference: Xiao, Rasul and Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747.
    """
    images, labels = (
        read_idx(fetch(file, cache, mirror, progress)) for file in FASHION_MNIST[split]
    )
    return Dataset(images[:, None] / np.float32(255), labels, FASHION_MNIST_CLASSES)


def read_cifar10(path: str | os.PathLike, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) and labels (N,), bytes, of batch files inside the binary archive.

    Each image is a byte for the label and 3·32·32 bytes for the red, green and blue rows.
    """
    found = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = Path(member.name).name
            if name in names:
                found[name] = np.frombuffer(archive.extractfile(member).read(), np.uint8)
    records = np.concatenate([found[name] for name in names]).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """The array of bytes in a gzipped IDX file, the format of MNIST.

    Two zero bytes, the code of the element type (8: bytes), the number of axes, the length of each
    axis as a big-endian 32-bit number, then the elements in C order.

    Raises:
        ValueError: another element type, or a length that does not fit the header.
    """
    with gzip.open(path) as file:
        raw = file.read()
    if raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"{path} is no IDX file of bytes: it begins with {raw[:4]!r}.")
    start = 4 + 4 * raw[3]
    shape = tuple(int(size) for size in np.frombuffer(raw[4:start], ">u4"))
    if len(raw) != start + prod(shape):
        raise ValueError(
            f"{path} is no whole IDX file: it holds {len(raw) - start} bytes, "
            f"but its header tells of {'·'.join(map(str, shape))} = {prod(shape)}."
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)
