"""References and known mistakes behind the checks of assignment a03.

Each mistake is the right function given wrong arguments, or its result put wrongly together, so
that a check can say "it looks as if ...". Nothing here is written the way the tasks ask for.
"""

import numpy as np

from convnets import functional as F
from convnets import shapes
from convnets.data import digits, split
from coursekit import Mistake, Oracle


def images(rng, n=2, c=3, h=6, w=9, dtype=np.float64):
    """Random images (n, c, h, w), all values different."""
    return rng.standard_normal((n, c, h, w)).astype(dtype)


def tied_images(rng, n=2, c=2, h=6, w=9):
    """Images of the numbers 0, 1 and 2, so that most windows hold their maximum several times."""
    return rng.integers(0, 3, (n, c, h, w)).astype(np.float64)


def places(x, size, stride):
    """Number of windows along height and width."""
    return shapes.output_shape(x.shape[2:], size, (stride, stride), (0, 0))


def upstream(rng, x, size, stride):
    """A random gradient of the shape of the pooled x."""
    return rng.standard_normal((*x.shape[:2], *places(x, size, stride)))


def _explain(x, size, stride):
    (n, c, *image) = x.shape
    high, wide = (
        shapes.explain_output_size(i, k, stride, 0) for i, k in zip(image, size, strict=True)
    )
    return f"(N, C, HO, WO) with N = {n}, C = {c}, height {high}; width {wide}"


def _windows(x, size, stride):
    """(n, c, i, j) of every window with the slices that cut it out of x."""
    for n, c, i, j in np.ndindex(*x.shape[:2], *places(x, size, stride)):
        rows = slice(i * stride, i * stride + size[0])
        yield (n, c, i, j), (n, c, rows, slice(j * stride, j * stride + size[1]))


def _ragged(reduce):
    """Pooling that also counts windows which stick out at the end, cut to the image."""

    def make(x, size, stride):
        h, w = (-(-(i - k) // stride) + 1 for i, k in zip(x.shape[2:], size, strict=True))
        y = np.empty((*x.shape[:2], h, w), x.dtype)
        for n, c, i, j in np.ndindex(y.shape):
            rows = slice(i * stride, i * stride + size[0])
            y[n, c, i, j] = reduce(x[n, c, rows, j * stride : j * stride + size[1]])
        return y

    return make


# --- tasks 1 and 3: forward ----------------------------------------------------------------------


def _max(x, size, stride):
    return np.ascontiguousarray(F.max_pool2d(x, size, stride)[0])


def _average(x, size, stride):
    return np.ascontiguousarray(F.avg_pool2d(x, size, stride)[0])


def _shared_slips(pool, reduce):
    """Mistakes about where the windows are, the same for every kind of pooling."""
    return (
        Mistake(
            "windows that stick out at the end are counted too",
            _ragged(reduce),
            ("Use the output size formula: floor, not ceil.",),
        ),
        Mistake(
            "the windows do not overlap: the step is the window's size",
            lambda x, size, stride: pool(x, size, size),
            ("Window (i, j) starts at (i · stride, j · stride).",),
        ),
        Mistake(
            "the windows move by one pixel whatever the stride",
            lambda x, size, stride: pool(x, size, 1),
            ("Window (i, j) starts at (i · stride, j · stride).",),
        ),
        Mistake(
            "the window is taken for a square",
            lambda x, size, stride: pool(x, (size[0], size[0]), stride),
            ("size is (KH, KW).",),
        ),
        Mistake(
            "KH and KW are swapped",
            lambda x, size, stride: pool(x, size[::-1], stride),
            ("size is (KH, KW): height first.",),
        ),
        Mistake(
            "the window runs over the channels too",
            lambda x, size, stride: np.broadcast_to(
                reduce(pool(x, size, stride), axis=1, keepdims=True),
                pool(x, size, stride).shape,
            ),
            ("Each channel is pooled by itself.",),
        ),
    )


max_pool = Oracle(
    _max,
    explain_shape=_explain,
    mistakes=(
        Mistake(
            "the running maximum starts at 0",
            lambda *a: np.maximum(_max(*a), 0),
            ("What is the maximum of a window whose values are all negative?",),
        ),
        Mistake("the mean is taken, not the maximum", _average),
        Mistake("the minimum is taken", lambda x, *a: -_max(-x, *a)),
        *_shared_slips(_max, np.max),
    ),
)

avg_pool = Oracle(
    _average,
    explain_shape=_explain,
    mistakes=(
        Mistake(
            "the window is summed, not averaged",
            lambda x, size, stride: _average(x, size, stride) * size[0] * size[1],
            ("How many numbers does the mean run over?",),
        ),
        Mistake("the maximum is taken, not the mean", _max),
        *_shared_slips(_average, np.mean),
    ),
)


# --- task 2: max pooling, backward ---------------------------------------------------------------


def _max_backward(dy, x, size, stride):
    return np.ascontiguousarray(F.max_pool2d_backward(dy, F.max_pool2d(x, size, stride)[1]))


def _sent(share, put=np.add):
    """dx when each window hands dy · share(window) to its pixels; `put` joins old and new."""

    def make(dy, x, size, stride):
        dx = np.zeros_like(x)
        for output, window in _windows(x, size, stride):
            dx[window] = put(dx[window], dy[output] * share(x[window]))
        return dx

    return make


def _first(window):
    return (np.arange(window.size) == window.argmax()).reshape(window.shape)


def _last(window):
    return _first(window[::-1, ::-1])[::-1, ::-1]


def _ties(window):
    return window == window.max()


max_pool_backward = Oracle(
    _max_backward,
    explain_shape=lambda dy, x, *a: f"dx has the shape of x, {x.shape}",
    mistakes=(
        Mistake(
            "a later window overwrites what an earlier one sent to the same pixel",
            _sent(_first, put=lambda old, new: np.where(new != 0, new, old)),
            (
                "A pixel can be the maximum of several windows that overlap.",
                "Then it answers for all of them: += or =?",
            ),
        ),
        Mistake(
            "a later window overwrites all pixels that it shares with an earlier one",
            _sent(_first, put=lambda old, new: new),
            ("Windows overlap. What they send to a pixel is added up: += or =?",),
        ),
        Mistake(
            "every pixel that ties for the maximum gets the whole gradient",
            _sent(_ties),
            (
                "What if two pixels of a window hold the same maximum?",
                "Only one position is stored: the first in reading order, as np.argmax finds it.",
            ),
        ),
        Mistake(
            "pixels that tie for the maximum share the gradient",
            _sent(lambda window: _ties(window) / _ties(window).sum()),
            ("Only one position is stored: the first in reading order, as np.argmax finds it.",),
        ),
        Mistake(
            "the last of several equal maxima gets the gradient",
            _sent(_last),
            ("Only one position is stored: the first in reading order, as np.argmax finds it.",),
        ),
        Mistake(
            "every pixel of the window gets the gradient",
            _sent(np.ones_like),
            ("Which of the inputs could change the maximum, if it moved a little?",),
        ),
        Mistake(
            "the gradient is multiplied by the pixel's value",
            lambda dy, x, *a: _max_backward(dy, x, *a) * x,
            ("y = x[argmax], so ∂y/∂x[argmax] = 1.",),
        ),
    ),
)


# --- task 4: average pooling, backward -----------------------------------------------------------


def _average_backward(dy, shape, size, stride):
    cache = F.avg_pool2d(np.zeros(shape, dy.dtype), size, stride)[1]
    return np.ascontiguousarray(F.avg_pool2d_backward(dy, cache))


def _overwritten(dy, shape, size, stride):
    dx = np.zeros(shape, dy.dtype)
    for output, window in _windows(dx, size, stride):
        dx[window] = dy[output] / (size[0] * size[1])
    return dx


avg_pool_backward = Oracle(
    _average_backward,
    explain_shape=lambda dy, shape, *a: f"dx has the shape of x, {tuple(shape)}",
    mistakes=(
        Mistake(
            "windows that overlap overwrite each other",
            _overwritten,
            ("A pixel gets a share from each window that it lies in: += or =?",),
        ),
        Mistake(
            "the gradient is not divided by the size of the window",
            lambda dy, shape, size, stride: (
                _average_backward(dy, shape, size, stride) * size[0] * size[1]
            ),
            ("y is the mean of KH·KW pixels. How much of each is in it?",),
        ),
        Mistake(
            "it is divided by KH² or KW², not by KH·KW",
            lambda dy, shape, size, stride: (
                _average_backward(dy, shape, size, stride) * size[1] / size[0]
            ),
            ("Windows need not be square.",),
        ),
    ),
)


# --- tasks 5 and 6: LeNet ------------------------------------------------------------------------

LENET_PARAMETERS = {
    "first convolution": (6 * 1 * 5 * 5, 6),
    "second convolution": (16 * 6 * 5 * 5, 16),
    "first fully connected": (120 * 64, 120),
    "second fully connected": (84 * 120, 84),
    "output": (10 * 84, 10),
}


def parameter_sizes(model):
    """Sizes of the parameter arrays of a model, in the order of its layers."""
    return [array.size for array in model.state_dict().values()]


def expected_sizes():
    """The sizes that `parameter_sizes` gives for the network of the table."""
    return [size for layer in LENET_PARAMETERS.values() for size in layer]


def lenet_scores(model, x):
    """The scores that the network of the table gives with the parameters of `model`."""
    w1, b1, w2, b2, *dense = model.state_dict().values()
    for w, b in ((w1, b1), (w2, b2)):
        x, _ = F.relu(F.conv2d(x, w, b, padding=2)[0])
        x, _ = F.max_pool2d(x, 2)
    x = x.reshape(len(x), -1)
    for w, b in zip(dense[0:4:2], dense[1:4:2], strict=True):
        x, _ = F.relu(F.linear(x, w, b)[0])
    return F.linear(x, *dense[4:])[0]


def digit_split(seed):
    """Digits for training (three quarters) and for testing, as NumPy arrays.

    Returns:
        images (1347, 1, 8, 8), labels (1347,), test images (450, 1, 8, 8), test labels (450,).
    """
    train, test = split(digits(), (0.75, 0.25), np.random.default_rng(seed))
    return train.images, train.labels, test.images, test.labels


def accuracy(predicted, labels):
    """Share of equal labels, in [0, 1]; 0 where the shapes differ."""
    predicted = np.asarray(predicted)
    return float(np.mean(predicted == labels)) if predicted.shape == labels.shape else 0.0
