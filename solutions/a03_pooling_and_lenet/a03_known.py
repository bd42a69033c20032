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


def _sticking_out(x, size, stride, fill):
    """x with so many more rows and columns that the last windows fit, filled with `fill`."""
    ends = [((k - i) % stride if i > k else 0) for i, k in zip(x.shape[2:], size, strict=True)]
    return np.pad(x, ((0, 0), (0, 0), *((0, end) for end in ends)), constant_values=fill)


# --- tasks 1 and 3: forward ----------------------------------------------------------------------


def _max(x, size, stride):
    return np.ascontiguousarray(F.max_pool2d(x, size, stride)[0])


def _average(x, size, stride):
    return np.ascontiguousarray(F.avg_pool2d(x, size, stride)[0])


def _ragged_max(x, size, stride):
    return _max(_sticking_out(x, size, stride, -np.inf), size, stride)


def _ragged_average(x, size, stride):
    inside = _sticking_out(np.ones_like(x), size, stride, 0)
    parts = (_average(a, size, stride) for a in (_sticking_out(x, size, stride, 0), inside))
    return np.divide(*parts)


def _shared_slips(pool, ragged, reduce):
    """Mistakes about where the windows are, the same for every kind of pooling."""
    return (
        Mistake(
            "windows that stick out at the end are counted too",
            ragged,
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
        *_shared_slips(_max, _ragged_max, np.max),
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
        *_shared_slips(_average, _ragged_average, np.mean),
    ),
)


# --- task 2: max pooling, backward ---------------------------------------------------------------


def _max_backward(dy, x, size, stride):
    return np.ascontiguousarray(F.max_pool2d_backward(dy, F.max_pool2d(x, size, stride)[1]))


def _each_window(dy, x, size, stride):
    """For each place of the window: which pixels it sees, and dy spread over them."""
    for i, j in np.ndindex(dy.shape[2:]):
        one = np.zeros_like(dy)
        one[:, :, i, j] = size[0] * size[1]
        yield (
            _average_backward(one, x.shape, size, stride) > 0,
            _average_backward(one * dy, x.shape, size, stride),
        )


def _tied(x, seen):
    """Pixels that equal the largest of those seen, image by image and channel by channel."""
    inside = np.where(seen, x, -np.inf)
    return inside == inside.max(axis=(2, 3), keepdims=True)


def _to_all_ties(dy, x, size, stride):
    return sum(s * _tied(x, seen) for seen, s in _each_window(dy, x, size, stride))


def _shared_by_ties(dy, x, size, stride):
    return sum(
        s * _tied(x, seen) / _tied(x, seen).sum(axis=(2, 3), keepdims=True)
        for seen, s in _each_window(dy, x, size, stride)
    )


def _to_the_last(dy, x, size, stride):
    """The first maximum of the images turned by 180°, turned back."""
    high, wide = ((n - 1) * stride + k for n, k in zip(dy.shape[2:], size, strict=True))
    dx = np.zeros(x.shape, dy.dtype)
    turned = x[:, :, :high, :wide][:, :, ::-1, ::-1], dy[:, :, ::-1, ::-1]
    dx[:, :, :high, :wide] = _max_backward(turned[1], turned[0], size, stride)[:, :, ::-1, ::-1]
    return dx


def _overwritten(whole_window):
    """A later window replaces the pixel it sends to, or all the pixels that it sees."""

    def make(dy, x, size, stride):
        dx = np.zeros(x.shape, dy.dtype)
        for i, j in np.ndindex(dy.shape[2:]):
            one = np.zeros_like(dy)
            one[:, :, i, j] = 1
            sent = _max_backward(one * dy, x, size, stride)
            seen = _average_backward(one, x.shape, size, stride) > 0
            dx = np.where(seen if whole_window else sent != 0, sent, dx)
        return dx

    return make


def _to_every_pixel(dy, x, size, stride):
    return _average_backward(dy, x.shape, size, stride) * size[0] * size[1]


max_pool_backward = Oracle(
    _max_backward,
    explain_shape=lambda dy, x, *a: f"dx has the shape of x, {x.shape}",
    mistakes=(
        Mistake(
            "a later window overwrites what an earlier one sent to the same pixel",
            _overwritten(whole_window=False),
            (
                "A pixel can be the maximum of several windows that overlap.",
                "Then it answers for all of them: += or =?",
            ),
        ),
        Mistake(
            "a later window overwrites all pixels that it shares with an earlier one",
            _overwritten(whole_window=True),
            ("Windows overlap. What they send to a pixel is added up: += or =?",),
        ),
        Mistake(
            "every pixel that ties for the maximum gets the whole gradient",
            _to_all_ties,
            (
                "What if two pixels of a window hold the same maximum?",
                "Only one position is stored: the first in reading order, as np.argmax finds it.",
            ),
        ),
        Mistake(
            "pixels that tie for the maximum share the gradient",
            _shared_by_ties,
            ("Only one position is stored: the first in reading order, as np.argmax finds it.",),
        ),
        Mistake(
            "the last of several equal maxima gets the gradient",
            _to_the_last,
            ("Only one position is stored: the first in reading order, as np.argmax finds it.",),
        ),
        Mistake(
            "every pixel of the window gets the gradient",
            _to_every_pixel,
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


def _only_the_newest(dy, shape, size, stride):
    x = np.zeros(shape, dy.dtype)
    dx = np.zeros(shape, dy.dtype)
    for seen, spread in _each_window(dy, x, size, stride):
        dx = np.where(seen, spread / (size[0] * size[1]), dx)
    return dx


avg_pool_backward = Oracle(
    _average_backward,
    explain_shape=lambda dy, shape, *a: f"dx has the shape of x, {tuple(shape)}",
    mistakes=(
        Mistake(
            "windows that overlap overwrite each other",
            _only_the_newest,
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
