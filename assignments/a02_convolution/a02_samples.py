"""What the notebook of assignment a02 draws and computes with: random images and kernels."""

import numpy as np

from convnets import shapes


def sample(rng, n=2, c=3, h=6, w=9, f=4, kh=3, kw=2, dtype=np.float64):
    """Random images (n, c, h, w), kernels (f, c, kh, kw) and biases (f,)."""
    draw = (rng.standard_normal(shape) for shape in ((n, c, h, w), (f, c, kh, kw), (f,)))
    return tuple(a.astype(dtype) for a in draw)


def places(x, w, stride, padding):
    """Number of windows along height and width."""
    return shapes.output_shape(x.shape[2:], w.shape[2:], (stride, stride), (padding, padding))


def upstream(rng, x, w, stride, padding):
    """A random gradient of the shape of the convolution of x with w."""
    return rng.standard_normal((len(x), len(w), *places(x, w, stride, padding)))


def forward_cases(rng, sizes, steps):
    """Arguments (x, w, b, stride, padding) of a convolution.

    Args:
        sizes: dicts of arguments of `sample`.
        steps: pairs (stride, padding), each tried with each of the sizes.
    """
    return [(*sample(rng, **size), *step) for size in sizes for step in steps]


def backward_cases(rng, settings):
    """Arguments (dy, x, w, stride, padding) of the backward pass.

    Args:
        settings: tuples (n, c, h, w, f, kh, kw, stride, padding).
    """
    cases = []
    for *sizes, stride, padding in settings:
        x, w, _ = sample(rng, *sizes)
        cases.append((upstream(rng, x, w, stride, padding), x, w, stride, padding))
    return cases


def shape_cases(rng, count=20):
    """Random arguments of `conv_output_shape` whose window fits."""
    cases = []
    for _ in range(count):
        image, kernel = rng.integers(5, 30, 2).tolist(), rng.integers(1, 6, 2).tolist()
        cases.append((tuple(image), tuple(kernel), *rng.integers((1, 0), (5, 3)).tolist()))
    return cases


def pointwise_cases(rng, sizes):
    """Arguments (x, w, b) of a 1×1 convolution."""
    drawn = (sample(rng, **{"kh": 1, "kw": 1, **size}) for size in sizes)
    return [(x, w[:, :, 0, 0], b) for x, w, b in drawn]


def column_cases(rng, sizes, windows):
    """Arguments (x, KH, KW, stride, padding) of im2col."""
    return [(sample(rng, **size)[0], *window) for size in sizes for window in windows]
