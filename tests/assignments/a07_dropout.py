"""Right and wrong solutions of assignment a07.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell.
"""

import numpy as np

from coursekit.collection import Collection

known = Collection("a07_dropout")

# --- task 1: vanilla_dropout ---------------------------------------------------------------------


@known.right("a binomial draw of one coin, in the dtype of x")
def vanilla_dropout(x, keep_prob, rng, training):
    if training:
        return x * rng.binomial(1, keep_prob, size=x.shape).astype(x.dtype)
    return (keep_prob * x).astype(x.dtype)


@known.right("zeros written where a draw is large")
def vanilla_dropout(x, keep_prob, rng, training):
    y = np.array(x)
    if training:
        y[rng.uniform(size=y.shape) > keep_prob] = 0
    else:
        y *= keep_prob
    return y


@known.right("unit by unit")
def vanilla_dropout(x, keep_prob, rng, training):
    y = np.empty(x.shape, x.dtype)
    for place, value in np.ndenumerate(x):
        chance = 1.0 if not training else float(rng.random() < keep_prob)
        y[place] = value * chance * (1 if training else keep_prob)
    return y


@known.right("bytes of the generator, read as integers")
def vanilla_dropout(x, keep_prob, rng, training):
    if not training:
        return (x * keep_prob).astype(x.dtype)
    draws = np.frombuffer(rng.bytes(4 * x.size), dtype=np.uint32).reshape(x.shape)
    return x * (draws < keep_prob * 2.0**32).astype(x.dtype)


@known.right("where, and draws in float32")
def vanilla_dropout(x, keep_prob, rng, training):
    if training:
        draws = rng.random(x.shape, dtype=np.float32)
        return np.where(draws < keep_prob, x, np.zeros_like(x))
    return x * keep_prob


slip = known.slips_of(vanilla_dropout)
slip(
    "draws in whole percents",
    "draws < keep_prob",
    "np.floor(100 * draws) <= 100 * keep_prob",
    loses=1,
    says="keep_prob is rounded: the draws are too coarse for it",
)
slip(
    "keep_prob taken for the probability of dropping",
    "draws < keep_prob",
    "draws >= keep_prob",
    loses=2,
    says="keep_prob is taken for the probability of dropping",
)
slip(
    "nothing scaled at the test",
    "return x * keep_prob",
    "return x.copy()",
    loses=2,
    says="at the test: nothing is scaled",
)
slip(
    "scaled by 1 − keep_prob at the test",
    "return x * keep_prob",
    "return x * (1 - keep_prob)",
    loses=2,
    says="at the test: multiplied by 1 − keep_prob",
)
slip(
    "divided at the test",
    "return x * keep_prob",
    "return x / keep_prob",
    loses=2,
    says="at the test: divided by keep_prob",
)
slip(
    "scaled in training, too",
    "x, np.zeros_like(x))",
    "x / keep_prob, np.zeros_like(x))",
    loses=2,
    says="in training: divided by keep_prob",
)
slip(
    "the expectation in training, too",
    "x, np.zeros_like(x))",
    "x * keep_prob, np.zeros_like(x))",
    loses=2,
    says="in training: multiplied by keep_prob",
)
slip(
    "one mask for the batch",
    "rng.random(x.shape, ",
    "rng.random(x.shape[1:], ",
    loses=1,
    says="one mask serves the whole batch",
)
slip(
    "one draw for each example",
    "rng.random(x.shape, dtype=np.float32)",
    "rng.random((len(x),) + (1,) * (x.ndim - 1))",
    loses=1,
    says="whole rows are dropped: one draw for each example",
)
slip(
    "dropped at the test, too",
    "if training:",
    "if True:",
    loses=2,
    says="dropout is active at the test",
)
slip(
    "the modes are mixed up",
    "if training:",
    "if not training:",
    loses=5,
    says="nothing is dropped in training; dropout is active at the test",
)
slip(
    "NumPy's global generator",
    "rng.random(x.shape, dtype=np.float32)",
    "np.random.random(x.shape)",
    loses=1,
    says="not all numbers are drawn from the generator",
)
slip(
    "a generator made anew in each call",
    "rng.random(",
    "np.random.default_rng(0).random(",
    loses=1,
    says="every call has the same mask",
)
slip(
    "a fixed number of units is dropped",
    "draws < keep_prob",
    "draws.ravel().argsort().argsort().reshape(x.shape) < round(keep_prob * x.size)",
    loses=1,
    says="every call drops the same number of units",
)


@known.wrong(
    "an integer mask from a coin that is fair whatever keep_prob is",
    loses=2,
    says="half is kept, whatever keep_prob is",
)
def vanilla_dropout(x, keep_prob, rng, training):
    if training:
        return (x * rng.integers(0, 2, x.shape)).astype(x.dtype)
    return x * keep_prob


@known.wrong("nothing is dropped, in either mode", loses=4, says="nothing is dropped in training")
def vanilla_dropout(x, keep_prob, rng, training):
    return x.copy() if training else x * keep_prob


@known.wrong("written into x", loses=1, says="mutated")
def vanilla_dropout(x, keep_prob, rng, training):
    if training:
        x *= rng.random(x.shape) < keep_prob
    else:
        x *= keep_prob
    return x


@known.wrong("an integer mask makes float32 to float64", loses=1, says="dtype")
def vanilla_dropout(x, keep_prob, rng, training):
    if training:
        return x * rng.binomial(1, keep_prob, x.shape)
    return x * keep_prob


# --- task 2: dropout -----------------------------------------------------------------------------


@known.right("one shape for each kind, the mask broadcast")
def dropout(x, keep_prob, rng, training, maps=False):
    if not training:
        return np.array(x), None
    shape = list(x.shape)
    if maps:
        shape[2:] = [1, 1]
    mask = rng.uniform(0, 1, shape) <= keep_prob
    y = np.where(mask, x, 0) / keep_prob
    return y.astype(x.dtype), mask


@known.right("a binomial draw, and scale and mask in one array")
def dropout(x, keep_prob, rng, training, maps=False):
    if not training:
        return x * 1, None
    n = (*x.shape[:2], 1, 1) if maps else x.shape
    ones = rng.binomial(1, keep_prob, n)
    factor = (ones / keep_prob).astype(x.dtype)
    return x * factor, ones.astype(bool)


@known.right("image by image and channel by channel")
def dropout(x, keep_prob, rng, training, maps=False):
    y = x.copy()
    if not training:
        return y, None
    if not maps:
        mask = rng.random(x.shape) < keep_prob
        y[~mask] = 0
    else:
        mask = np.zeros((x.shape[0], x.shape[1], 1, 1), bool)
        for n in range(x.shape[0]):
            for c in range(x.shape[1]):
                mask[n, c] = rng.random() < keep_prob
                if not mask[n, c]:
                    y[n, c] = 0
    y /= keep_prob
    return y, mask


@known.right("draws, a comparison, a product")
def dropout(x, keep_prob, rng, training, maps=False):
    if not training:
        return x, None
    shape = x.shape
    if maps:
        shape = (x.shape[0], x.shape[1], 1, 1)
    mask = rng.random(shape) < keep_prob
    scale = 1 / keep_prob
    y = x * mask * scale
    return y, mask


slip = known.slips_of(dropout)
slip(
    "draws in whole percents",
    "rng.random(shape) < keep_prob",
    "rng.integers(0, 100, shape) <= 100 * keep_prob",
    loses=1,
    says="keep_prob is rounded: the draws are too coarse for it",
)
slip(
    "the mask read off y",
    "return y, mask",
    "return y, mask if maps else y != 0",
    loses=1,
    says="the mask is read off y, where a unit that is kept may be 0",
)
slip(
    "not scaled",
    "scale = 1 / keep_prob",
    "scale = 1",
    loses=4,
    says="in training: nothing is scaled",
)
slip(
    "divided by 1 − keep_prob",
    "scale = 1 / keep_prob",
    "scale = 1 / (1 - keep_prob) if keep_prob < 1 else 1",
    loses=4,
    says="in training: divided by 1 − keep_prob",
)
slip(
    "multiplied",
    "scale = 1 / keep_prob",
    "scale = keep_prob",
    loses=4,
    says="in training: multiplied by keep_prob",
)
slip(
    "scaled twice",
    "scale = 1 / keep_prob",
    "scale = 1 / keep_prob**2",
    loses=4,
    says="in training: scaled twice: divided by keep_prob²",
)
slip(
    "scaled by what happened to be kept",
    "scale = 1 / keep_prob",
    "scale = mask.size / max(1, mask.sum())",
    loses=4,
    says="divided by the share that happened to be kept, not by keep_prob",
)
slip(
    "scaled at the test, too",
    "return x, None",
    "return x * keep_prob, None",
    loses=2,
    says="at the test: multiplied by keep_prob",
)
slip(
    "active at the test",
    "if not training:",
    "if training is None:",
    loses=2,
    says="dropout is active at the test",
)
slip(
    "a mask at the test",
    "return x, None",
    "return x, np.ones(x.shape, bool)",
    loses=1,
    says="there is a mask at the test, too",
)
slip(
    "p of PyTorch",
    "rng.random(shape) < keep_prob",
    "rng.random(shape) > keep_prob",
    loses=3,
    says="keep_prob is taken for the probability of dropping",
)
slip(
    "a mask of numbers",
    "return y, mask",
    "return y, mask.astype(int)",
    loses=3,
    says="the mask that is returned holds numbers, not booleans",
)
slip(
    "a mask that is scaled",
    "return y, mask",
    "return y, mask * scale",
    loses=3,
    says="the mask that is returned is scaled",
)
slip(
    "a mask of what is dropped",
    "return y, mask",
    "return y, ~mask",
    loses=3,
    says="the mask is True where a unit is dropped",
)
slip(
    "single units in maps",
    "shape = (x.shape[0], x.shape[1], 1, 1)",
    "shape = x.shape",
    loses=3,
    says="channels are dropped in part, not as a whole",
)
slip(
    "whole channels always, where there are some",
    "    if maps:",
    "    if x.ndim == 4:",
    loses=2,
    says="whole channels are dropped, not units",
)
slip(
    "the channels of an image share a mask",
    "mask = rng.random(shape) < keep_prob",
    "mask = rng.random(shape) < keep_prob\n"
    "    if x.ndim == 4 and not maps:\n        mask = mask[:, :1] & np.ones(shape, bool)",
    loses=1,
    says="all channels of an image share one mask",
)
slip(
    "a pixel is dropped in all channels at once, where whole channels should be",
    "(x.shape[0], x.shape[1], 1, 1)",
    "(x.shape[0], 1, *x.shape[2:])",
    loses=3,
    says="channels are dropped in part, not as a whole",
)
slip(
    "the mask of maps without its last axes",
    "return y, mask",
    "return y, mask[:, :, 0, 0] if maps else mask",
    loses=2,
    says="the mask of whole channels has the shape (N, C)",
)
slip(
    "the mask of maps for each pixel",
    "return y, mask",
    "return y, np.broadcast_to(mask, x.shape)",
    loses=2,
    says="the mask of whole channels holds a value for each pixel",
)
slip(
    "the mask first",
    "return y, mask",
    "return mask, y",
    loses=8,
    says="mask and y are returned in the wrong order",
)
slip(
    "one draw for a channel of the whole batch",
    "(x.shape[0], x.shape[1], 1, 1)",
    "(1, x.shape[1], 1, 1)",
    loses=3,
    says="one mask serves the whole batch",
)
slip(
    "one draw for an image",
    "(x.shape[0], x.shape[1], 1, 1)",
    "(x.shape[0], 1, 1, 1)",
    loses=3,
    says="all channels of an image are dropped together",
)
slip(
    "the same channels in all images, by a mask that is repeated",
    "rng.random(shape) < keep_prob",
    "np.repeat(rng.random((1, *shape[1:])) < keep_prob, len(x), axis=0)",
    loses=2,
    says="one mask serves the whole batch",
)
slip(
    "a seed typed in",
    "rng.random(shape)",
    "np.random.default_rng(42).random(shape)",
    loses=2,
    says="every call has the same mask",
)
slip(
    "NumPy's global generator",
    "rng.random(shape)",
    "np.random.rand(*shape)",
    loses=2,
    says="not all numbers are drawn from the generator",
)
slip(
    "a mask of the dtype int",
    "< keep_prob\n",
    "< keep_prob\n    y = x * mask.astype(int) / keep_prob\n    return y, mask\n",
    loses=1,
    says="dtype",
)


@known.wrong(
    "vanilla dropout",
    loses=5,
    says="in training: nothing is scaled; at the test: multiplied by keep_prob",
)
def dropout(x, keep_prob, rng, training, maps=False):
    if not training:
        return x * keep_prob, None
    mask = rng.random((*x.shape[:2], 1, 1) if maps else x.shape) < keep_prob
    return x * mask, mask


@known.wrong(
    "a mask is drawn for y, and another one returned",
    loses=3,
    says="another mask is returned than the one that was used",
)
def dropout(x, keep_prob, rng, training, maps=False):
    if not training:
        return x, None
    shape = (*x.shape[:2], 1, 1) if maps else x.shape
    y = x * (rng.random(shape) < keep_prob) / keep_prob
    return y, rng.random(shape) < keep_prob


@known.wrong("only y is returned", loses=9, says="only y is returned, without its mask")
def dropout(x, keep_prob, rng, training, maps=False):
    if not training:
        return x
    shape = (*x.shape[:2], 1, 1) if maps else x.shape
    return x * (rng.random(shape) < keep_prob) / keep_prob


# --- task 3: dropout_backward --------------------------------------------------------------------


@known.right("where")
def dropout_backward(dy, mask, keep_prob):
    if mask is None:
        return np.array(dy)
    return np.where(mask, dy / np.asarray(keep_prob, dy.dtype), np.zeros_like(dy))


@known.right("zeros where the mask is False, by the broadcast mask")
def dropout_backward(dy, mask, keep_prob):
    dx = dy.copy()
    if mask is not None:
        dx[~np.broadcast_to(mask, dy.shape)] = 0
        dx /= keep_prob
    return dx


@known.right("a product")
def dropout_backward(dy, mask, keep_prob):
    if mask is None:
        return dy
    return dy * mask / keep_prob


slip = known.slips_of(dropout_backward)
slip("a mask without True taken for none", "is None", "is None or not mask.any()", loses=1)
slip("a mask without False taken for none", "is None", "is None or mask.all()", loses=1)
slip("the mask is not used", "dy * mask /", "dy /", loses=3, says="the mask is not used")
slip("no scale", " / keep_prob", "", loses=3, says="the scale is missing")
slip(
    "multiplied",
    " / keep_prob",
    " * keep_prob",
    loses=3,
    says="multiplied by keep_prob, where it should be divided",
)
slip(
    "1 − keep_prob",
    " / keep_prob",
    " / (1 - keep_prob)",
    loses=3,
    says="divided by 1 − keep_prob",
)
slip(
    "zero where the mask is True",
    "dy * mask / keep_prob",
    "np.where(mask, 0, dy)",
    loses=3,
    says="what was dropped gets the gradient",
)
slip(
    "the share of the mask",
    " / keep_prob",
    " / mask.mean().astype(dy.dtype)",
    loses=3,
    says="divided by the share that happened to be kept, not by keep_prob",
)
slip(
    "where, with the scale on both sides",
    "dy * mask / keep_prob",
    "np.where(mask, dy / keep_prob, dy)",
    loses=3,
)
slip("scaled twice", " / keep_prob", " / keep_prob**2", loses=3, says="scaled twice")
slip(
    "the wrong units",
    "dy * mask",
    "dy * ~mask",
    loses=3,
    says="what was dropped gets the gradient",
)
slip(
    "scaled at the test",
    "return dy\n",
    "return dy / keep_prob\n",
    loses=2,
    says="scaled at the test, too",
)
slip(
    "scaled at the test as if by vanilla dropout",
    "return dy\n",
    "return dy * keep_prob\n",
    loses=2,
    says="multiplied by keep_prob at the test",
)
slip(
    "no gradient at the test",
    "return dy\n",
    "return dy * 0\n",
    loses=2,
    says="no gradient at the test",
)
slip(
    "a mask of whole numbers",
    "dy * mask",
    "dy * mask.astype(int)",
    loses=1,
    says="dtype",
)


@known.wrong(
    "the gradient of vanilla dropout", loses=4, says="it is the gradient of vanilla dropout"
)
def dropout_backward(dy, mask, keep_prob):
    return dy * keep_prob if mask is None else dy * mask


# --- task 4: drop_connect ------------------------------------------------------------------------


@known.right("a layer for each example")
def drop_connect(x, w, b, keep_prob, rng, training):
    if not training:
        return x @ w.T + b
    y = np.empty((len(x), len(w)), x.dtype)
    for n in range(len(x)):
        mask = rng.random(w.shape) < keep_prob
        y[n] = (w * mask / keep_prob) @ x[n] + b
    return y


@known.right("all products first")
def drop_connect(x, w, b, keep_prob, rng, training):
    products = x[:, None, :] * w
    if training:
        products = np.where(rng.random(products.shape) < keep_prob, products / keep_prob, 0)
    return (products.sum(axis=2) + b).astype(x.dtype)


@known.right("output by output, from a generator that rng seeds")
def drop_connect(x, w, b, keep_prob, rng, training):
    inner, columns = np.random.default_rng(rng.integers(2**63)), []
    for row, bias in zip(w, b):
        kept = inner.binomial(1, keep_prob, x.shape) / keep_prob if training else 1
        columns.append((x * kept * row).sum(axis=1) + bias)
    return np.stack(columns, axis=1).astype(x.dtype)


@known.right("einsum over the masks")
def drop_connect(x, w, b, keep_prob, rng, training):
    if not training:
        return x @ w.T + b
    shape = (x.shape[0], w.shape[0], w.shape[1])
    masks = (rng.random(shape) < keep_prob).astype(x.dtype)
    scale = keep_prob
    y = np.einsum("nfd,fd,nd->nf", masks, w, x) / scale
    return y + b


slip = known.slips_of(drop_connect)
slip(
    "draws in whole percents",
    "rng.random(shape) < keep_prob",
    "rng.integers(0, 100, shape) <= 100 * keep_prob",
    loses=1,
    says="keep_prob is rounded: the draws are too coarse for it",
)
slip(
    "a ReLU behind it in training",
    "return y + b",
    "return np.maximum(y + b, 0)",
    loses=5,
    says="negative outputs become 0",
)
slip(
    "not scaled",
    "scale = keep_prob",
    "scale = 1",
    loses=3,
    says="the weights are not divided by keep_prob",
)
slip(
    "divided by 1 − keep_prob",
    "scale = keep_prob",
    "scale = 1 - keep_prob or 1",
    loses=3,
    says="the weights are divided by 1 − keep_prob",
)
slip(
    "scaled twice",
    "scale = keep_prob",
    "scale = keep_prob**2",
    loses=3,
    says="the weights are scaled twice",
)
slip(
    "the bias is scaled",
    "return y + b",
    "return y + b / keep_prob",
    loses=3,
    says="the bias is divided by keep_prob, too",
)
slip(
    "the bias is dropped",
    "return y + b",
    "return y + b * (rng.random(y.shape) < keep_prob)",
    loses=3,
    says="the bias is dropped, too",
)
slip(
    "the bias is forgotten in training",
    "return y + b",
    "return y",
    loses=3,
    says="the bias is not added",
)
slip(
    "the bias is forgotten",
    "x @ w.T + b",
    "x @ w.T",
    loses=2,
    says="the bias is not added",
)
slip(
    "scaled at the test, too",
    "return x @ w.T + b",
    "return keep_prob * (x @ w.T) + b",
    loses=2,
    says="the weights are multiplied by keep_prob at the test",
)
slip(
    "keep_prob taken for the probability of dropping",
    "rng.random(shape) < keep_prob",
    "rng.random(shape) > keep_prob",
    loses=2,
    says="keep_prob is taken for the probability of dropping",
)
slip(
    "one mask for the batch",
    "shape = (x.shape[0], ",
    "shape = (1, ",
    loses=2,
    says="all examples share one mask",
)
slip(
    "the inputs are dropped",
    "shape = (x.shape[0], w.shape[0], ",
    "shape = (x.shape[0], 1, ",
    loses=2,
    says="the inputs are dropped, not the weights",
)
slip(
    "the outputs are dropped",
    "shape = (x.shape[0], w.shape[0], w.shape[1])",
    "shape = (x.shape[0], w.shape[0], 1)",
    loses=2,
    says="the outputs are dropped, not the weights",
)
slip(
    "a seed typed in",
    "rng.random(",
    "np.random.default_rng(0).random(",
    loses=1,
    says="every call has the same mask",
)
slip(
    "NumPy's global generator",
    "rng.random(",
    "np.random.random(",
    loses=1,
    says="not all numbers are drawn from the generator",
)


@known.wrong(
    "dropout of the outputs, bias and all",
    loses=5,
    says="the outputs are dropped, and their bias with them; the outputs are dropped, not the weights",
)
def drop_connect(x, w, b, keep_prob, rng, training):
    y = x @ w.T + b
    if training:
        y = y * (rng.random(y.shape) < keep_prob) / keep_prob
    return y


@known.wrong(
    "masks in float64",
    loses=1,
    says="float32 becomes float64 in training",
)
def drop_connect(x, w, b, keep_prob, rng, training):
    if not training:
        return x @ w.T + b
    masks = (rng.random((len(x), *w.shape)) < keep_prob) * 1.0
    return np.einsum("nfd,fd,nd->nf", masks, w, x) / keep_prob + b


@known.wrong(
    "a normal distribution of the same mean and variance",
    loses=5,
)
def drop_connect(x, w, b, keep_prob, rng, training):
    y = x @ w.T + b
    if training:
        variance = (1 - keep_prob) / keep_prob * (x**2 @ (w**2).T)
        y = y + np.sqrt(variance) * rng.standard_normal(y.shape)
    return y.astype(x.dtype)


@known.wrong(
    "as it was published: biases dropped, nothing scaled in training",
    loses=4,
    says="the bias is dropped, too, and nothing is divided by keep_prob; "
    "multiplied by keep_prob at the test",
)
def drop_connect(x, w, b, keep_prob, rng, training):
    if not training:
        return keep_prob * (x @ w.T + b)
    masks = rng.random((len(x), *w.shape)) < keep_prob
    kept = rng.random((len(x), len(b))) < keep_prob
    return np.einsum("nfd,nd->nf", masks * w, x) + kept * b


@known.wrong("written into w", loses=1, says="mutated")
def drop_connect(x, w, b, keep_prob, rng, training):
    if not training:
        return x @ w.T + b
    y = np.empty((len(x), len(w)), x.dtype)
    whole = w.copy()
    for n in range(len(x)):
        w[:] = whole * (rng.random(w.shape) < keep_prob)
        y[n] = w @ x[n] / keep_prob + b
    return y


@known.wrong("active at the test", loses=2, says="dropout is active at the test")
def drop_connect(x, w, b, keep_prob, rng, training):
    masks = rng.random((len(x), *w.shape)) < keep_prob
    return ((masks * w) @ x[:, :, None])[:, :, 0] / keep_prob + b


@known.wrong("nothing is dropped", loses=5, says="nothing is dropped in training")
def drop_connect(x, w, b, keep_prob, rng, training):
    return x @ w.T + b


# --- task 5: depth_block -------------------------------------------------------------------------


@known.right("three cases")
def depth_block(x, dy, branch, branch_backward, keep_prob, survives):
    if survives is None:
        return x + keep_prob * branch(x), dy + keep_prob * branch_backward(dy)
    if survives:
        return branch(x) + x, branch_backward(dy) + dy
    return x, dy


@known.right("added only where there is something to add")
def depth_block(x, dy, branch, branch_backward, keep_prob, survives):
    y, dx = x.copy(), dy.copy()
    z = keep_prob if survives is None else int(survives)
    if z > 0:
        y += z * branch(x)
        dx += branch_backward(z * dy)
    return y, dx


slip = known.slips_of(depth_block)
slip("no shortcut in y", "y += z", "y = z", loses=4, says="y lacks the shortcut")
slip(
    "no shortcut in dx in training",
    "dx += branch",
    "dx = (survives is None) * dx + branch",
    loses=3,
    says="dx lacks the gradient of the shortcut",
)
slip(
    "the gradient of the branch before the branch",
    "y += z * branch(x)\n        dx += branch_backward(z * dy)",
    "dx += branch_backward(z * dy)\n        y += z * branch(x)",
    loses=1,
    says="branch_backward is called before branch",
)
slip(
    "the branch counts in full at the test",
    "keep_prob if survives is None else int(survives)",
    "1 if survives is None else int(survives)",
    loses=3,
    says="keep_prob is missing at the test",
)
slip(
    "None taken for False",
    "keep_prob if survives is None else int(survives)",
    "1 if survives else 0",
    loses=4,
    says="the branch has no part at the test",
)
slip(
    "1 − keep_prob at the test",
    "keep_prob if survives",
    "1 - keep_prob if survives",
    loses=3,
    says="multiplied by 1 − keep_prob at the test",
)
slip(
    "keep_prob forgotten in dx",
    "branch_backward(z * dy)",
    "branch_backward(dy)",
    loses=3,
    says="keep_prob is missing at the test",
)
slip(
    "the branch gets no gradient at the test",
    "branch_backward(z * dy)",
    "branch_backward((survives is not None) * dy)",
    loses=3,
    says="the branch has no part at the test",
)
slip(
    "no shortcut in dx",
    "dx += branch_backward",
    "dx = branch_backward",
    loses=4,
    says="dx lacks the gradient of the shortcut",
)
slip(
    "no branch in dx",
    "dx += branch_backward(z * dy)",
    "dx += 0 * branch_backward(z * dy)",
    loses=4,
    says="dx lacks the gradient of the branch",
)
slip(
    "computed and thrown away",
    "if z > 0:",
    "if True:",
    loses=1,
    says="a branch that is left out is computed all the same",
)
slip(
    "divided by keep_prob in training",
    "keep_prob if survives is None else int(survives)",
    "1 if survives is None else int(survives) / keep_prob",
    loses=5,
    says="the branch is divided by keep_prob in training",
)


@known.wrong(
    "the shortcut goes with the branch", loses=4, says="the shortcut is left out with the branch"
)
def depth_block(x, dy, branch, branch_backward, keep_prob, survives):
    if survives is False:
        return np.zeros_like(x), np.zeros_like(dy)
    z = keep_prob if survives is None else 1
    return x + z * branch(x), dy + z * branch_backward(dy)


@known.wrong(
    "keep_prob scales the shortcut, too",
    loses=3,
    says="the shortcut is multiplied by keep_prob, too",
)
def depth_block(x, dy, branch, branch_backward, keep_prob, survives):
    if survives is False:
        return x.copy(), dy.copy()
    z = keep_prob if survives is None else 1
    return z * (x + branch(x)), z * (dy + branch_backward(dy))


@known.wrong(
    "True and False exchanged",
    loses=5,
    says="the branch is left out where it survives",
)
def depth_block(x, dy, branch, branch_backward, keep_prob, survives):
    if survives:
        return x.copy(), dy.copy()
    z = keep_prob if survives is None else 1
    return x + z * branch(x), dy + branch_backward(z * dy)


@known.wrong("written into x and dy", loses=1, says="mutated")
def depth_block(x, dy, branch, branch_backward, keep_prob, survives):
    if survives is not False:
        z = keep_prob if survives is None else 1
        x += z * branch(x)
        dy += branch_backward(z * dy)
    return x, dy


# --- task 6: curriculum --------------------------------------------------------------------------


@known.right("the part that is dropped grows")
def curriculum(t, keep_prob, gamma):
    dropped = (1 - keep_prob) * (1 - np.exp(-gamma * t))
    return 1 - dropped


@known.right("the formula")
def curriculum(t, keep_prob, gamma):
    return (1 - keep_prob) * np.exp(-gamma * t) + keep_prob


slip = known.slips_of(curriculum)
slip(
    "the wrong way",
    "(1 - keep_prob) * np.exp(-gamma * t) + keep_prob",
    "1 - (1 - keep_prob) * np.exp(-gamma * t)",
    loses=3,
    says="it goes the wrong way: from keep_prob up to 1",
)
slip(
    "it ends at 0",
    "(1 - keep_prob) * np.exp(-gamma * t) + keep_prob",
    "np.exp(-gamma * t)",
    loses=3,
    says="it falls to 0, not to keep_prob",
)
slip(
    "it begins at keep_prob and ends at 0",
    "(1 - keep_prob) * np.exp(-gamma * t) + keep_prob",
    "keep_prob * np.exp(-gamma * t)",
    loses=3,
    says="it falls from keep_prob to 0",
)
slip(
    "1 − keep_prob and keep_prob exchanged",
    "(1 - keep_prob) * np.exp(-gamma * t) + keep_prob",
    "keep_prob * np.exp(-gamma * t) + 1 - keep_prob",
    loses=3,
    says="it falls to 1 − keep_prob",
)
slip(
    "never 1",
    "(1 - keep_prob) *",
    "",
    loses=3,
    says="keep_prob is added to a whole exponential",
)
slip("γ is forgotten", "-gamma * t", "-t", loses=3, says="γ is not used")
slip(
    "the sign of the exponent",
    "-gamma",
    "gamma",
    loses=3,
    says="the exponent has the wrong sign",
)
slip(
    "counted from 1",
    "gamma * t",
    "gamma * (t + 1)",
    loses=3,
    says="it is a step ahead: t counts from 0",
)
