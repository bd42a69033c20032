"""Right and wrong solutions of assignment a03.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell.
"""

import numpy as np
from convnets import data, layers, optim
from convnets.train import fit
from coursekit.rehearse import Collection

known = Collection("a03_pooling_and_lenet")

# --- task 1: max_pool ----------------------------------------------------------------------------


@known.right("loops over outputs")
def max_pool(x, size, stride):
    (N, C, H, W), (KH, KW) = x.shape, size
    HO, WO = (H - KH) // stride + 1, (W - KW) // stride + 1
    y = np.zeros((N, C, HO, WO), x.dtype)
    for n, c, i, j in np.ndindex(N, C, HO, WO):
        top, left = i * stride, j * stride
        y[n, c, i, j] = x[n, c, top : top + KH, left : left + KW].max()
    return y


slip = known.slips_of(max_pool)
slip(
    "ceil for floor",
    "(H - KH) // stride + 1, (W - KW) // stride + 1",
    "-((KH - H) // stride) + 1, -((KW - W) // stride) + 1",
    loses=4,
)
slip("square images assumed", "(W - KW) //", "(H - KW) //", loses=5)
slip("square windows assumed", "left + KW", "left + KH", loses=2)
slip("KH and KW swapped", "= x.shape, size", "= x.shape, size[::-1]", loses=2)
slip(
    "the stride is taken for the window's size",
    "top, left = i * stride, j * stride",
    "top, left = i * KH, j * KW",
    loses=3,
)
slip("mean for max", ".max()", ".mean()", loses=5)
slip("float64 whatever the input", ", x.dtype)", ")", loses=1)
slip("the window runs over the channels", "x[n, c, top", "x[n, :, top", loses=4)


@known.right("one tap at a time")
def max_pool(x, size, stride):
    HO, WO = ((s - k) // stride + 1 for s, k in zip(x.shape[2:], size))
    y = np.full((*x.shape[:2], HO, WO), -np.inf, x.dtype)
    for p, q in np.ndindex(*size):
        tap = x[:, :, p : p + stride * HO : stride, q : q + stride * WO : stride]
        y = np.maximum(y, tap[:, :, :HO, :WO])
    return y


slip = known.slips_of(max_pool)
slip(
    "the running maximum starts at 0",
    "np.full((*x.shape[:2], HO, WO), -np.inf, x.dtype)",
    "np.zeros((*x.shape[:2], HO, WO), x.dtype)",
    loses=3,
)
slip("the library's own pooling", "HO, WO = (", "import torch; HO, WO = (", loses=5)


# --- task 2: max_pool_backward -------------------------------------------------------------------


@known.right("one tap at a time, the first that is equal")
def max_pool_backward(dy, x, size, stride):
    HO, WO = dy.shape[2:]
    y, dx = max_pool(x, size, stride), np.zeros(x.shape, dy.dtype)
    left = np.ones(dy.shape, bool)
    for p, q in np.ndindex(*size):
        where = (
            slice(None),
            slice(None),
            slice(p, p + stride * (HO - 1) + 1, stride),
            slice(q, q + stride * (WO - 1) + 1, stride),
        )
        here = left & (x[where] == y)
        dx[where] += dy * here
        left &= ~here
    return dx


@known.right("argmax over a window view, scattered with np.add.at")
def max_pool_backward(dy, x, size, stride):
    view = np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))[:, :, ::stride, ::stride]
    best = view.reshape(*view.shape[:4], -1).argmax(-1)
    n, c, i, j = np.indices(dy.shape)
    dx = np.zeros(x.shape, dy.dtype)
    np.add.at(dx, (n, c, i * stride + best // size[1], j * stride + best % size[1]), dy)
    return dx


slip = known.slips_of(max_pool_backward)
slip(
    "fancy += drops repeated places",
    "np.add.at(dx, (n, c, i * stride + best // size[1], j * stride + best % size[1]), dy)",
    "dx[n, c, i * stride + best // size[1], j * stride + best % size[1]] += dy",
    loses=3,
)
slip(
    "the window's height is used to unravel",
    "best // size[1], j * stride + best % size[1]",
    "best // size[0], j * stride + best % size[0]",
    loses=4,
)


@known.right("a mask for each window")
def max_pool_backward(dy, x, size, stride):
    (KH, KW), dx = size, np.zeros(x.shape, dy.dtype)
    for n, c, i, j in np.ndindex(dy.shape):
        top, left = i * stride, j * stride
        window = x[n, c, top : top + KH, left : left + KW]
        mask = np.zeros(window.size)
        mask[np.argmax(window)] = 1
        dx[n, c, top : top + KH, left : left + KW] += dy[n, c, i, j] * mask.reshape(KH, KW)
    return dx


slip = known.slips_of(max_pool_backward)
slip("= for += where windows overlap", "KW] += dy", "KW] = dy", loses=3)
slip(
    "ties all get the gradient",
    "mask[np.argmax(window)] = 1",
    "mask[window.ravel() == window.max()] = 1",
    loses=2,
)
slip(
    "ties share the gradient",
    "mask[np.argmax(window)] = 1",
    "mask[:] = window.ravel() == window.max(); mask /= mask.sum()",
    loses=2,
)
slip(
    "the last of several maxima",
    "mask[np.argmax(window)] = 1",
    "mask[window.size - 1 - np.argmax(window.ravel()[::-1])] = 1",
    loses=2,
)
slip("every pixel of the window", "mask[np.argmax(window)] = 1", "mask[:] = 1", loses=8)
slip("the stride is ignored", "top, left = i * stride, j * stride", "top, left = i, j", loses=6)
slip(
    "the stride is taken for the window's size",
    "top, left = i * stride, j * stride",
    "top, left = i * KH, j * KW",
    loses=4,
)
slip("dy is used up", "mask.reshape(KH, KW)", "mask.reshape(KH, KW); dy[n, c, i, j] = 0", loses=1)
slip("dy is forgotten", "dy[n, c, i, j] * ", "", loses=8)
slip(
    "the values are sent, not the gradient",
    "dy[n, c, i, j] * mask.reshape(KH, KW)",
    "dy[n, c, i, j] * mask.reshape(KH, KW) * window",
    loses=8,
)
slip("float64 whatever the input", ", dy.dtype)", ")", loses=1)


# --- task 3: avg_pool ----------------------------------------------------------------------------


@known.right("differences of a summed-area table")
def avg_pool(x, size, stride):
    (KH, KW), (H, W) = size, x.shape[2:]
    total = np.pad(x.astype(np.float64).cumsum(2).cumsum(3), ((0, 0), (0, 0), (1, 0), (1, 0)))
    sums = (
        total[:, :, KH:, KW:]
        - total[:, :, :-KH, KW:]
        - total[:, :, KH:, :-KW]
        + total[:, :, :-KH, :-KW]
    )
    return (sums[:, :, ::stride, ::stride] / (KH * KW)).astype(x.dtype)


@known.right("loops over outputs")
def avg_pool(x, size, stride):
    (N, C, H, W), (KH, KW) = x.shape, size
    HO, WO = (H - KH) // stride + 1, (W - KW) // stride + 1
    y = np.zeros((N, C, HO, WO), x.dtype)
    for i in range(HO):
        for j in range(WO):
            window = x[:, :, i * stride : i * stride + KH, j * stride : j * stride + KW]
            y[:, :, i, j] = window.sum(axis=(2, 3)) / (KH * KW)
    return y


slip = known.slips_of(avg_pool)
slip("sum for mean", " / (KH * KW)", "", loses=3)
slip("divided by KH²", "/ (KH * KW)", "/ (KH * KH)", loses=3)
slip("the stride is ignored", "j * stride : j * stride + KW", "j : j + KW", loses=3)
slip(
    "ceil for floor",
    "(H - KH) // stride + 1, (W - KW) // stride + 1",
    "-((KH - H) // stride) + 1, -((KW - W) // stride) + 1",
    loses=2,
)
slip("float64 whatever the input", ", x.dtype)", ")", loses=1)


# --- task 4: avg_pool_backward -------------------------------------------------------------------


@known.right("one tap at a time")
def avg_pool_backward(dy, x_shape, size, stride):
    dx = np.zeros(x_shape, dy.dtype)
    HO, WO = dy.shape[2:]
    for p, q in np.ndindex(*size):
        rows, columns = (
            slice(p, p + stride * (HO - 1) + 1, stride),
            slice(q, q + stride * (WO - 1) + 1, stride),
        )
        dx[:, :, rows, columns] += dy / np.array(size[0] * size[1], dy.dtype)
    return dx


@known.right("four loops")
def avg_pool_backward(dy, x_shape, size, stride):
    (KH, KW), dx = size, np.zeros(x_shape, dy.dtype)
    for n, c, i, j in np.ndindex(dy.shape):
        top, left = i * stride, j * stride
        dx[n, c, top : top + KH, left : left + KW] += dy[n, c, i, j] / (KH * KW)
    return dx


slip = known.slips_of(avg_pool_backward)
slip("= for += where windows overlap", "KW] += dy", "KW] = dy", loses=2)
slip("not divided", " / (KH * KW)", "", loses=5)
slip("divided by KH²", "/ (KH * KW)", "/ (KH * KH)", loses=3)
slip("the stride is ignored", "top, left = i * stride, j * stride", "top, left = i, j", loses=3)
slip(
    "the stride is taken for the window's size",
    "top, left = i * stride, j * stride",
    "top, left = i * KH, j * KW",
    loses=3,
)
slip("float64 whatever the input", ", dy.dtype)", ")", loses=1)


# --- task 5: build_lenet -------------------------------------------------------------------------


@known.right("a list of blocks")
def build_lenet(rng):
    parts = []
    for before, after in ((1, 6), (6, 16)):
        parts += [layers.Conv2d(before, after, (5, 5), stride=1, padding=(2, 2), rng=rng)]
        parts += [layers.ReLU(), layers.MaxPool2d(2, stride=2)]
    parts += [layers.Flatten(), layers.Linear(64, 120, rng=rng), layers.ReLU()]
    parts += [layers.Linear(120, 84, rng=rng), layers.ReLU(), layers.Linear(84, 10, rng=rng)]
    return layers.Sequential(*parts)


slip = known.slips_of(build_lenet)
slip(
    "no ReLU after the convolutions",
    "[layers.ReLU(), layers.MaxPool2d(2, stride=2)]",
    "[layers.MaxPool2d(2, stride=2)]",
    loses=1,
)
slip(
    "no padding in the convolutions",
    "padding=(2, 2)",
    "padding=(0, 0)",
    loses={"test_build_lenet": 3, "test_train_and_predict": 5},
)
slip("average pooling", "layers.MaxPool2d(2, stride=2)", "layers.AvgPool2d(2, stride=2)", loses=1)
slip("a generator of its own", "parts = []", "parts, rng = [], np.random.default_rng(0)", loses=1)
slip(
    "one layer too few",
    "parts += [layers.Linear(120, 84, rng=rng), layers.ReLU(), layers.Linear(84, 10, rng=rng)]",
    "parts += [layers.Linear(120, 10, rng=rng)]",
    loses=2,
)
slip(
    "five classes",
    "layers.Linear(84, 10",
    "layers.Linear(84, 5",
    loses={"test_build_lenet": 2, "test_train_and_predict": 5},
)


# --- task 6: train_and_predict -------------------------------------------------------------------


@known.right("Nesterov momentum, prediction in pieces")
def train_and_predict(images, labels, test_images, seed):
    model = build_lenet(np.random.default_rng(seed))
    fit(
        model,
        optim.SGD(model.parameters(), lr=0.008, momentum=0.9, nesterov=True),
        data.Dataset(images, labels, tuple("0123456789")),
        epochs=10,
        batch_size=32,
        rng=np.random.default_rng(seed + 1),
        progress=False,
    )
    pieces = np.array_split(test_images, 5)
    return np.concatenate([np.argmax(model(piece), axis=1) for piece in pieces])


slip = known.slips_of(train_and_predict)
slip("the training is forgotten", "epochs=10", "epochs=0", loses=5)
slip("a learning rate far too small", "lr=0.008", "lr=0.00001", loses=4)
slip("the smallest score wins", "np.argmax", "np.argmin", loses=4)
slip("scores are returned, not classes", "np.argmax(model(piece), axis=1)", "model(piece)", loses=5)
slip("argmax over the images", "axis=1)", "axis=0)", loses=5)
slip(
    "all images are one class",
    "np.argmax(model(piece), axis=1)",
    "np.zeros(len(piece), int)",
    loses=4,
)
