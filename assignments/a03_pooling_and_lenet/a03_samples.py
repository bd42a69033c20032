"""What the notebook of assignment a03 computes with: random images, gradients and digits."""

import numpy as np

from convnets import shapes
from convnets.data import digits, split


def images(rng, n=2, c=3, h=6, w=9):
    """Random images (n, c, h, w), all values different."""
    return rng.standard_normal((n, c, h, w))


def tied_images(rng, n=2, c=3, h=6, w=9):
    """Images of the numbers 0, 1 and 2, so that most windows hold their maximum several times."""
    return rng.integers(0, 3, (n, c, h, w)).astype(np.float64)


def places(shape, size, stride):
    """Number of windows along height and width of images of shape (N, C, H, W)."""
    return shapes.output_shape(shape[2:], size, (stride, stride), (0, 0))


def upstream(rng, shape, size, stride):
    """A random gradient of the shape of the pooled images."""
    return rng.standard_normal((*shape[:2], *places(shape, size, stride)))


def forward_cases(rng, sizes, windows, of=images):
    """Arguments (x, size, stride) of a pooling.

    Args:
        sizes: dicts of arguments of `images`.
        windows: pairs (size, stride), each tried with each of the sizes.
        of: `images`, or another function of the same arguments.
    """
    return [(of(rng, **size), *window) for size in sizes for window in windows]


def backward_cases(rng, sizes, windows, of=images):
    """Arguments (dy, x, size, stride) of the backward pass of max pooling; see `forward_cases`."""
    cases = forward_cases(rng, sizes, windows, of)
    return [(upstream(rng, x.shape, *window), x, *window) for x, *window in cases]


def share_cases(rng, sizes, windows):
    """Arguments (dy, x_shape, size, stride) of the backward pass of average pooling."""
    cases = backward_cases(rng, sizes, windows)
    return [(dy, x.shape, *window) for dy, x, *window in cases]


def digit_split(rng):
    """Digits for training (three quarters) and for testing, as NumPy arrays.

    Returns:
        images (1348, 1, 8, 8), labels (1348,), test images (449, 1, 8, 8), test labels (449,).
    """
    train, test = split(digits(), (0.75, 0.25), rng)
    return train.images, train.labels, test.images, test.labels


def noise(rng, n=300):
    """Images (n, 1, 8, 8) of random grey values, float32: a small change changes their class."""
    return rng.random((n, 1, 8, 8), dtype=np.float32)


def batch(rng, n, several):
    """Digits to learn, and others to name, with a little noise so that no two windows tie.

    Returns:
        images (n, 1, 8, 8), their labels (n,), and a list of images (m, 1, 8, 8) for each m of
        `several`.
    """
    images, labels, others, _ = digit_split(rng)
    images = np.float32(0.8) * images[:n] + np.float32(0.2) * noise(rng, n)
    ends = np.cumsum(several)
    return images, labels[:n], np.split(others[: ends[-1]], ends[:-1])
