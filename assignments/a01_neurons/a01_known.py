"""References and known mistakes behind the checks of assignment a01.

The references are functions of the library; each mistake is one of them given wrong arguments, or
its result put wrongly together, so that a check can say "it looks as if ...". Nothing here is
written the way the tasks ask for.
"""

import warnings

import numpy as np

from convnets import functional as F
from coursekit import Mistake, Oracle
from coursekit.checks.evidence import same_values

BIG = "What is exp of 1000? Take the exponential of numbers that are never positive."
ONE_IMAGE = "The loss is a mean over the N examples; its gradient holds the same 1/N."
LABELS = "Classes count from 0, and so do the columns of the scores."


def _mistakes(reference, tables):
    """Known mistakes in one of several outputs.

    Args:
        reference: returns all outputs.
        tables: index of the output -> hint -> name -> function of the same arguments that makes
            the wrong output, or a list of such.
    """
    return tuple(
        Mistake(name, _with(reference, index, make), (hint,))
        for index, table in tables.items()
        for hint, named in table.items()
        for name, makes in named.items()
        for make in (makes if isinstance(makes, list) else [makes])
    )


def _with(reference, index, make):
    def outputs(*args):
        right = list(reference(*args))
        right[index] = make(*args)
        return tuple(right)

    return outputs


# --- tasks 1 and 2: activations ------------------------------------------------------------------

PAIRS = (
    (F.sigmoid, F.sigmoid_backward),
    (F.tanh, F.tanh_backward),
    (F.relu, F.relu_backward),
    (F.softplus, F.softplus_backward),
)


def _sigmoid(z):
    return F.sigmoid(z)[0]


def _softplus(z):
    return F.softplus(z)[0]


def _activations(z):
    return tuple(forward(z)[0] for forward, _ in PAIRS)


def _half_tanh(z):
    return (1 + np.tanh(z / 2)) / 2


def _spoilt(right, *overflows):
    """The right values, but NaN or another one where an exponential overflows.

    Args:
        overflows: pairs: a function of z that is infinite there, the value instead.
    """

    def make(*args):
        y, z = right(*args).copy(), args[-1]
        for exponent, instead in overflows:
            y[np.isinf(np.exp(exponent(z)))] = instead
        return y

    return make


def _plus(z):
    return z


def _minus(z):
    return -z


ACTIVATIONS = {
    0: {
        "Which sign has z in the exponent?": {"it is the sigmoid of −z": lambda z: _sigmoid(-z)},
        BIG: {"exp overflows, and gives NaN": _spoilt(_half_tanh, (_plus, np.nan))},
        "What is left of σ(−30) when z is cut off at −20?": {
            "z is cut off at both ends": [
                lambda z, c=c: _sigmoid(z.clip(-c, c))
                for c in (1, 2, 3, 5, 6, 8, 10, 15, 16, 18, 20)
            ],
        },
        "What is σ(0)?": {
            "the 1 + is missing below the line": lambda z: np.exp(z),
            "the 1 is subtracted below the line": lambda z: 1 / (1 - np.exp(-z)),
            "it is tanh": np.tanh,
        },
    },
    1: {
        BIG: {
            "exp overflows, and gives NaN": [
                lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
                lambda z: (np.exp(2 * z) - 1) / (np.exp(2 * z) + 1),
                lambda z: (1 - np.exp(-2 * z)) / (1 + np.exp(-2 * z)),
            ]
        },
        "tanh z = 2 σ(2z) − 1: are both 2 there?": {
            "it is 2 σ(z) − 1": lambda z: 2 * _sigmoid(z) - 1,
            "it is σ(2z)": lambda z: _sigmoid(2 * z),
            "it is σ(2z) − 1": lambda z: _sigmoid(2 * z) - 1,
            "it is 2 σ(2z)": lambda z: 2 * _sigmoid(2 * z),
            "it is the tangent, not the hyperbolic one": np.tan,
            "it is turned upside down": lambda z: 1 / np.tanh(z),
            "it is the hyperbolic sine": np.sinh,
        },
    },
    2: {
        "What is max(0, −3), and max(0, 3)?": {
            "it is the absolute value": np.abs,
            "it is min(0, z)": lambda z: np.minimum(z, 0),
            "negative numbers are made 0.01 times as large, not 0": lambda z: np.maximum(
                z, z / 100
            ),
            "negative numbers are made 0.1 times as large, not 0": lambda z: np.maximum(z, z / 10),
            "it is the slope, 0 or 1, not the value": lambda z: (z > 0).astype(z.dtype),
            "it is one number, the maximum of all": lambda z: np.maximum(z.max(), 0),
            "it is cut off at 1 as well": lambda z: z.clip(0, 1),
            "it is cut off at 6 as well": lambda z: z.clip(0, 6),
            "the sign is passed on": np.sign,
        }
    },
    3: {
        BIG: {
            "exp overflows, and gives infinity": _spoilt(_softplus, (_plus, np.inf)),
            "exp overflows, and gives NaN or infinity": [
                _spoilt(_softplus, (_minus, np.inf)),
                _spoilt(_softplus, (_minus, np.nan)),
                _spoilt(_softplus, (_plus, np.nan)),
                _spoilt(_softplus, (_minus, -np.inf)),
            ],
        },
        "What is softplus(1000), and what do you return?": {
            "z is cut off above": [
                lambda z, c=c: _softplus(np.minimum(z, c))
                for c in (
                    5,
                    10,
                    15,
                    20,
                    25,
                    30,
                    40,
                    50,
                    60,
                    70,
                    80,
                    88,
                    100,
                    200,
                    300,
                    500,
                    700,
                    709,
                )
            ],
        },
        "log(1 + exp(z)): is each part there, with its sign?": {
            "it is the softplus of −z": lambda z: _softplus(-z),
            "it is its slope, σ(z)": _sigmoid,
            "the max(z, 0) is missing": lambda z: _softplus(-np.abs(z)),
            "the absolute value is missing": lambda z: np.maximum(z, 0) + _softplus(-z),
            "the sign of |z| is wrong": lambda z: np.maximum(z, 0) + _softplus(np.abs(z)),
            "the 1 is missing under the logarithm": lambda z: z,
            "exp(z) is missing its logarithm": lambda z: 1 + np.exp(z),
        },
    },
}
activations = Oracle(
    _activations,
    outputs=("sigmoid", "tanh", "relu", "softplus"),
    mistakes=_mistakes(_activations, ACTIVATIONS),
)


def expect_quiet(task, function, cases):
    """Fail where NumPy warns during a call of the function: something has overflowed."""
    for case in cases:
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            task.call(function, *case, names=("z",))
        texts = [str(warning.message) for warning in given]
        texts = sorted((t for t in texts if "encountered" in t), key=lambda t: "overflow" not in t)
        if texts:
            what, _, where = texts[0].partition(" encountered in ")
            task.expect(
                False,
                f"NumPy warns: {texts[0]}. The values are right all the same, but only by luck.",
                looks_like=f"{where} overflows on the way" if what == "overflow" else "",
            )


def _slopes(dy, z):
    return tuple(backward(dy, forward(z)[1]) for forward, backward in PAIRS)


def _times(slope):
    return lambda dy, z: dy * slope(z)


def _slope(index):
    forward, backward = PAIRS[index]
    return lambda z: backward(np.ones_like(z), forward(z)[1])


def _value(index):
    return lambda z: PAIRS[index][0](z)[0]


WHERE = "A derivative is taken at z. Only the formula y (1 − y) holds the output, y = σ(z)."
CHAIN = "Chain rule: what comes from above is multiplied by the slope."


def _of_slope(index):
    """Mistakes that can be made with every activation."""
    forward, slope = _value(index), _slope(index)
    return {
        WHERE: {
            "the derivative is taken at the output, not at z": _times(lambda z: slope(forward(z)))
        },
        CHAIN: {
            "dy is forgotten": lambda dy, z: slope(z),
            "dy is added": lambda dy, z: dy + slope(z),
            "the activation is multiplied by dy, not its slope": _times(forward),
            "the slope is taken at dy, not at z": lambda dy, z: dy * slope(dy),
            "dy and z are swapped": lambda dy, z: z * slope(dy),
        },
    }


CORNER = "At z = 0 the slope is taken to be 0: `z > 0`."
SLOPES = {
    0: {
        "y (1 − y): which letter is the output σ(z), and which is z?": {
            "z (1 − z) is computed, where y (1 − y) is meant": _times(lambda z: z * (1 - z)),
            "σ(z) (1 − z) is computed": _times(lambda z: _sigmoid(z) * (1 - z)),
            "1 − y is forgotten": _times(_sigmoid),
            "y is forgotten": _times(lambda z: _sigmoid(-z)),
            "y (1 + y) is computed": _times(lambda z: _sigmoid(z) * (1 + _sigmoid(z))),
            "it is 1 − y²": _times(lambda z: 1 - _sigmoid(z) ** 2),
        },
        BIG: {
            "exp overflows, and gives NaN": [
                _times(lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
                _times(lambda z: np.exp(z) / (1 + np.exp(z)) ** 2),
                _times(lambda z: np.exp(z) / (1 + np.exp(z)) * (1 - np.exp(z) / (1 + np.exp(z)))),
            ]
        },
    },
    1: {
        "1 − y²: which letter is the output tanh(z), and which is z?": {
            "1 − z² is computed, where 1 − y² is meant": _times(lambda z: 1 - z**2),
            "the square is forgotten": _times(lambda z: 1 - np.tanh(z)),
            "it is y (1 − y), the rule of the sigmoid": _times(
                lambda z: np.tanh(z) * (1 - np.tanh(z))
            ),
            "it is 1 + y²": _times(lambda z: 1 + np.tanh(z) ** 2),
            "it is y²": _times(lambda z: np.tanh(z) ** 2),
        },
        BIG: {
            "exp overflows, and gives NaN": [
                _times(lambda z: 1 - ((np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))) ** 2),
                _times(lambda z: 1 - ((np.exp(2 * z) - 1) / (np.exp(2 * z) + 1)) ** 2),
            ]
        },
    },
    2: {
        CORNER: {
            "the slope at z = 0 is 1, not 0": _times(lambda z: (z >= 0).astype(z.dtype)),
            "the slope at z = 0 is 1/2, not 0": _times(lambda z: (1 + np.sign(z)) / 2),
        },
        "What decides whether dy passes: the sign of z, or of dy?": {
            "the slope is −1 where z is negative": _times(np.sign),
            "dy passes where dy is positive, not z": lambda dy, z: np.maximum(dy, 0),
            "the sign of z is turned round": _times(lambda z: (z < 0).astype(z.dtype)),
            "z passes, not dy": lambda dy, z: np.maximum(z, 0),
            "dy · z is cut off at 0": lambda dy, z: np.maximum(dy * z, 0),
            "dy passes everywhere": lambda dy, z: dy,
        },
    },
    3: {
        "The slope of log(1 + exp(z)) is σ(z).": {
            "it is σ(−z)": _times(lambda z: _sigmoid(-z)),
            "the slope of the sigmoid is used": _times(_slope(0)),
            "1/(1 + exp(z)) lacks its inner derivative": _times(lambda z: 1 / (1 + np.exp(z))),
            "exp(z) lacks what stands below the line": _times(np.exp),
            "the slope is that of the ReLU": _times(lambda z: (z > 0).astype(z.dtype)),
        },
        BIG: {
            "exp overflows, and gives NaN": [
                _times(lambda z: np.exp(z) / (1 + np.exp(z))),
            ]
        },
    },
}
slopes = Oracle(
    _slopes,
    outputs=("dsigmoid", "dtanh", "drelu", "dsoftplus"),
    mistakes=_mistakes(_slopes, SLOPES)
    + tuple(
        mistake
        for index in range(4)
        for mistake in _mistakes(
            _slopes,
            {
                index: {
                    hint: {
                        name: make
                        for name, make in named.items()
                        if index != 2 or not ("output" in name or "at dy" in name)  # told otherwise
                    }
                    for hint, named in _of_slope(index).items()
                }
            },
        )
    ),
)

# --- task 3: a layer -----------------------------------------------------------------------------


def _linear(x, w, b, dy):
    y, cache = F.linear(x, w, b)
    return y, *F.linear_backward(dy, cache)


def _last(a):
    """The array with zeros in all rows but the last."""
    a = a.copy()
    a[:-1] = 0
    return a


MEANS = "dy already holds the 1/N of the loss, so a layer sums."
EVERY = "All examples use the same weights: their shares add up. = or +=?"
LINEAR = {
    0: {
        "y[n, f] is the sum over d of w[f, d] · x[n, d]: which axis of w meets x?": {
            "w is not transposed": lambda x, w, b, dy: x @ w + b,
            "w is reshaped, not transposed": lambda x, w, b, dy: x @ w.reshape(w.T.shape) + b,
        },
        "How often does b[f] stand in the formula, and with which sign?": {
            "the bias is not added": lambda x, w, b, dy: F.linear(x, w)[0],
            "the bias is subtracted": lambda x, w, b, dy: F.linear(x, w, -b)[0],
            "the bias is added once per input": lambda x, w, b, dy: F.linear(x, w, len(w.T) * b)[0],
            "the bias is added along the batch": lambda x, w, b, dy: F.linear(x, w)[0] + b[:, None],
            "the bias is a factor": lambda x, w, b, dy: F.linear(x, w)[0] * b,
        },
        "Rows are examples.": {
            "y is (F, N), not (N, F)": lambda x, w, b, dy: F.linear(x, w, b)[0].T,
            "the weights are multiplied element by element": lambda x, w, b, dy: x * w + b,
        },
    },
    1: {
        "dx[n, d] is the sum over f of dy[n, f] · w[f, d]: which axis of w meets dy?": {
            "w is transposed, where it should not be": lambda x, w, b, dy: dy @ w.T,
            "dx is (D, N), not (N, D)": lambda x, w, b, dy: (dy @ w).T,
        },
        MEANS: {
            "dx is divided by N": lambda x, w, b, dy: dy @ w / len(x),
            "dx is divided by the number of outputs": lambda x, w, b, dy: dy @ w / len(w),
        },
        "y = x wᵀ + b: what does y change by if x changes?": {
            "the bias is added": lambda x, w, b, dy: dy @ w + (b @ w),
            "dy is forgotten": lambda x, w, b, dy: np.ones_like(dy) @ w,
            "only the last output counts": lambda x, w, b, dy: dy[:, -1:] @ w[-1:],
            "only the first output counts": lambda x, w, b, dy: dy[:, :1] @ w[:1],
            "it is multiplied by x": lambda x, w, b, dy: (dy @ w) * x,
        },
    },
    2: {
        "dw has the shape of w, (F, D).": {
            "dw is (D, F), not (F, D)": lambda x, w, b, dy: x.T @ dy,
            "in dw, an array is reshaped, not transposed": [
                lambda x, w, b, dy: dy.reshape(dy.T.shape) @ x,
                lambda x, w, b, dy: (x.T @ dy).reshape(w.shape),
                lambda x, w, b, dy: (x.reshape(x.T.shape) @ dy).T,
            ],
        },
        MEANS: {
            "dw is divided by N": lambda x, w, b, dy: dy.T @ x / len(x),
        },
        EVERY: {
            "in dw, only the last example counts": lambda x, w, b, dy: _last(dy).T @ x,
            "in dw, only the first example counts": lambda x, w, b, dy: dy[:1].T @ x[:1],
        },
        "y = x wᵀ + b: what does y change by if w changes?": {
            "dy is forgotten in dw": lambda x, w, b, dy: np.ones_like(dy).T @ x,
            "dw is made with y, not with dy": lambda x, w, b, dy: F.linear(x, w, b)[0].T @ x,
            "dw is multiplied by w": lambda x, w, b, dy: (dy.T @ x) * w,
        },
    },
    3: {
        MEANS: {
            "in db, a mean is taken, not a sum": lambda x, w, b, dy: dy.mean(0),
        },
        EVERY: {
            "db is not summed over the examples": lambda x, w, b, dy: dy,
            "in db, only the last example counts": lambda x, w, b, dy: dy[-1],
            "in db, only the first example counts": lambda x, w, b, dy: dy[0],
        },
        "db has the shape of b, (F,).": {
            "db is summed over the outputs, not the examples": lambda x, w, b, dy: dy.sum(1),
            "db is one number, summed over everything": lambda x, w, b, dy: dy.sum(),
            "db has an axis of length 1 left": lambda x, w, b, dy: dy.sum(0, keepdims=True),
            "dy is forgotten in db": lambda x, w, b, dy: np.full_like(b, len(x)),
            "db is multiplied by b": lambda x, w, b, dy: dy.sum(0) * b,
        },
    },
}


linear = Oracle(
    _linear,
    outputs=("y", "dx", "dw", "db"),
    mistakes=_mistakes(_linear, LINEAR),
    batch=("x", "dy"),
)

# --- tasks 4 and 5: losses -----------------------------------------------------------------------


def _own(dtype, value):
    """A loss as the references return it: an array without axes."""
    return np.asarray(value, dtype)


def _cross_entropy(scores, labels):
    loss, cache = F.softmax_cross_entropy(scores, labels)
    return loss, F.softmax_cross_entropy_backward(1.0, cache)


def _hinge(scores, labels):
    loss, cache = F.hinge_loss(scores, labels)
    return loss, F.hinge_loss_backward(1.0, cache)


def _one_later(labels, classes):
    if labels.max() + 1 == classes:
        raise IndexError("index out of bounds")
    return labels + 1


def _shared(right):
    """Mistakes that both losses and their gradients can hold."""
    losses = {
        ONE_IMAGE: {
            "the losses of the examples are summed, not averaged": lambda s, t: (
                right(s, t)[0] * len(s)
            ),
            "it is divided by N and by the number of classes": lambda s, t: (
                right(s, t)[0] / s.shape[1]
            ),
            "it is divided by the number of classes, not by N": lambda s, t: (
                right(s, t)[0] * (len(s) / s.shape[1])
            ),
            "only the first example counts": lambda s, t: right(s[:1], t[:1])[0],
            "only the last example counts": lambda s, t: right(s[-1:], t[-1:])[0],
            "only the last example counts, divided by N": lambda s, t: (
                right(s[-1:], t[-1:])[0] / len(s)
            ),
        },
        LABELS: {
            "the labels are one off": [
                lambda s, t: right(s, (t - 1) % s.shape[1])[0],
                lambda s, t: right(s, _one_later(t, s.shape[1]))[0],
                lambda s, t: right(s, (t + 1) % s.shape[1])[0],
            ],
        },
    }
    gradients = {
        ONE_IMAGE: {
            "the gradient is not divided by N": lambda s, t: right(s, t)[1] * len(s),
            "it is divided by N twice": lambda s, t: right(s, t)[1] / len(s),
            "it is divided by N and by the number of classes": lambda s, t: (
                right(s, t)[1] / s.shape[1]
            ),
            "it is divided by the number of classes, not by N": lambda s, t: (
                right(s, t)[1] * (len(s) / s.shape[1])
            ),
        },
        LABELS: {
            "the labels are one off": [
                lambda s, t: right(s, (t - 1) % s.shape[1])[1],
                lambda s, t: right(s, _one_later(t, s.shape[1]))[1],
                lambda s, t: right(s, (t + 1) % s.shape[1])[1],
            ],
        },
    }
    return losses, gradients


def _true(a, labels):
    """Of each row, the number that belongs to the true class."""
    return np.take_along_axis(a, labels[:, None], 1)[:, 0]


def _one_hot(s, t):
    return np.eye(s.shape[1], dtype=s.dtype)[t]


def _down(s):
    """Softmax down the columns."""
    return F.softmax(np.ascontiguousarray(s.T)).T


def _lowered(s, axis=None):
    """Log-softmax over this axis, or over everything, of scores less the largest of their row."""
    s = s - s.max(1, keepdims=True)
    return s - np.log(np.exp(s).sum(axis))


def _raw(s):
    """Softmax with nothing subtracted."""
    return np.exp(s) / np.exp(s).sum(1, keepdims=True)


def _surprise(p, s, t):
    return _own(s.dtype, -np.log(_true(p, t)).mean())


def _guarded(epsilon, how):
    return lambda s, t: _own(s.dtype, -np.log(how(_true(F.softmax(s), t), epsilon)).mean())


def _clipped(p, epsilon):
    return np.clip(p, epsilon, 1 - epsilon)


MAX = "Only differences of scores count: what may be subtracted from all scores of a row?"
LOG = (
    "log p = s − log Σ exp(s), with the largest score taken off: no probability needs a logarithm."
)
SMALL = (1e-300, 1e-100, 1e-50, 1e-30, 1e-20, *(10.0**-n for n in range(16, 3, -1)))
_losses, _gradients = _shared(_cross_entropy)
CROSS_ENTROPY = {
    0: {
        **_losses,
        MAX: {
            "exp overflows, or rounds to 0: the largest score is not taken off": [
                lambda s, t: _surprise(_raw(s), s, t),
                lambda s, t: _own(s.dtype, (np.log(np.exp(s).sum(1)) - _true(s, t)).mean()),
            ],
        },
        LOG: {
            "the logarithm of a probability that has rounded to 0 is taken": lambda s, t: _surprise(
                F.softmax(s), s, t
            ),
            "a small number is added to the probability, or it is cut off there": [
                _guarded(epsilon, how)
                for epsilon in SMALL
                for how in (np.add, np.maximum, _clipped)
            ],
        },
        "−log of which probability?": {
            "the logarithm is missing": lambda s, t: _own(s.dtype, _true(F.softmax(s), t).mean()),
            "the logarithm is missing, and the sign is turned": lambda s, t: _own(
                s.dtype, -_true(F.softmax(s), t).mean()
            ),
            "the logarithm is that of the mean probability": lambda s, t: _own(
                s.dtype, -np.log(_true(F.softmax(s), t).mean())
            ),
            "the logarithms of all classes are summed": lambda s, t: _own(
                s.dtype, -F.log_softmax(s).sum(1).mean()
            ),
            "it is the entropy of the probabilities": lambda s, t: _own(
                s.dtype, -(F.softmax(s) * F.log_softmax(s)).sum(1).mean()
            ),
            "softmax is applied twice": lambda s, t: F.softmax_cross_entropy(F.softmax(s), t)[0],
            "the sigmoid is used, not softmax": lambda s, t: _surprise(_sigmoid(s), s, t),
            "the largest score is left off in the end": lambda s, t: _own(
                s.dtype, (np.log(np.exp(s - s.max(1, keepdims=True)).sum(1)) - _true(s, t)).mean()
            ),
        },
        "What is taken off must be the same for all scores of a row, and taken off, no more.": {
            "the largest of each column is taken off, not of each row": lambda s, t: _cross_entropy(
                s - s.max(0), t
            )[0],
            "the scores are divided by the largest": [
                lambda s, t: _cross_entropy(s / np.abs(s).max(), t)[0],
                lambda s, t: _cross_entropy(s / s.max(), t)[0],
                lambda s, t: _cross_entropy(s / s.max(1, keepdims=True), t)[0],
            ],
        },
        "For each example, the sum runs over its classes: which axis is that?": {
            "softmax runs over the examples, not the classes": [
                lambda s, t: _surprise(_down(s), s, t),
                lambda s, t: _own(s.dtype, -_true(_lowered(s, 0), t).mean()),
            ],
            "softmax runs over all scores of the batch": [
                lambda s, t: _surprise(F.softmax(s.reshape(1, -1)).reshape(s.shape), s, t),
                lambda s, t: _own(s.dtype, -_true(_lowered(s), t).mean()),
            ],
        },
    },
    1: {
        **_gradients,
        MAX: {
            "exp overflows, or rounds to 0: the largest score is not taken off": lambda s, t: (
                (_raw(s) - _one_hot(s, t)) / len(s)
            ),
        },
        "p − t: t is 1 for the true class of the row, and 0 elsewhere.": {
            "the target is not subtracted": lambda s, t: F.softmax(s) / len(s),
            "1 is subtracted from all classes": lambda s, t: (F.softmax(s) - 1) / len(s),
            "1 is subtracted from the columns of all labels, in every row": lambda s, t: (
                (F.softmax(s) - _one_hot(s, t).max(0)) / len(s)
            ),
            "the label is subtracted, not 1": lambda s, t: (
                (F.softmax(s) - _one_hot(s, t) * t[:, None]) / len(s)
            ),
            "the scores stand in place of the probabilities": lambda s, t: (
                (s - _one_hot(s, t)) / len(s)
            ),
            "only the true class gets a gradient": lambda s, t: (
                (F.softmax(s) - 1) * _one_hot(s, t) / len(s)
            ),
            "the other classes alone get a gradient": lambda s, t: (
                F.softmax(s) * (1 - _one_hot(s, t)) / len(s)
            ),
            "the sigmoid is used, not softmax": lambda s, t: (
                (_sigmoid(s) - _one_hot(s, t)) / len(s)
            ),
            "the target is divided by N, the probabilities are not": lambda s, t: (
                F.softmax(s) - _one_hot(s, t) / len(s)
            ),
            "the probabilities are divided by N, the target is not": lambda s, t: (
                F.softmax(s) / len(s) - _one_hot(s, t)
            ),
            "softmax is applied twice": lambda s, t: (
                (F.softmax(F.softmax(s)) - _one_hot(s, t)) / len(s)
            ),
            "the slope of the sigmoid is multiplied to it": lambda s, t: (
                (F.softmax(s) - _one_hot(s, t)) * F.softmax(s) * (1 - F.softmax(s)) / len(s)
            ),
        },
        "What is taken off must be the same for all scores of a row, and taken off, no more.": {
            "the largest of each column is taken off, not of each row": lambda s, t: _cross_entropy(
                s - s.max(0), t
            )[1],
            "the scores are divided by the largest": [
                lambda s, t: _cross_entropy(s / np.abs(s).max(), t)[1],
                lambda s, t: _cross_entropy(s / s.max(), t)[1],
                lambda s, t: _cross_entropy(s / s.max(1, keepdims=True), t)[1],
            ],
        },
        "For each example, the sum runs over its classes: which axis is that?": {
            "softmax runs over the examples, not the classes": [
                lambda s, t: (_down(s) - _one_hot(s, t)) / len(s),
                lambda s, t: (np.exp(_lowered(s, 0)) - _one_hot(s, t)) / len(s),
            ],
            "softmax runs over all scores of the batch": [
                lambda s, t: (
                    (F.softmax(s.reshape(1, -1)).reshape(s.shape) - _one_hot(s, t)) / len(s)
                ),
                lambda s, t: (np.exp(_lowered(s)) - _one_hot(s, t)) / len(s),
            ],
        },
    },
}
cross_entropy = Oracle(
    _cross_entropy,
    outputs=("loss", "dscores"),
    mistakes=_mistakes(_cross_entropy, CROSS_ENTROPY),
    batch=("scores", "labels"),
)


def far_mistake(ordinary, far):
    """Why results are NaN or infinite where scores are large, or "" where that is not the trouble.

    Args:
        ordinary: the runs of ordinary scores; nothing is said unless all of them are right.
        far: those of `far_cases`.
    """
    if not all(_is_right(run) for run in ordinary) or any(run.error for run in far):
        return ""
    if not all(isinstance(run.got, tuple) and len(run.got) == 2 for run in far):
        return ""
    finite = [[np.isfinite(part).all() for part in run.got] for run in far]
    deep = finite[::3]  # where scores lie far below the largest; the others are merely shifted
    above = any(np.isposinf(run.got[0]).any() for run in far[6::9])  # where the true one is largest
    if above or not all(map(all, (*finite[1::3], *finite[2::3]))):
        return "exp overflows, or rounds to 0: the largest score is not taken off"
    if not all(same_values(run.got[1], _cross_entropy(*run.case.args)[1]) for run in far):
        return ""
    others = [_is_right(run) for run, each in zip(far, finite, strict=True) if all(each)]
    if all(others) and not all(each[0] for each in deep):
        return "the logarithm of a probability that has rounded to 0 is taken"
    return ""


def _is_right(run):
    return run.error is None and same_values(run.got, _cross_entropy(*run.case.args))


def expect_far(task, function, ordinary, far):
    """Fail unless the function is right where scores are large.

    Args:
        ordinary, far: cases.
    """
    runs = task.runs(function, far)
    found = far_mistake(task.runs(function, ordinary), runs)
    task.expect(not found, "A result is NaN or infinite where scores are large.", looks_like=found)
    task.compare_all(runs, cross_entropy)


def _over(s, t, margin=1.0):
    """By how much each class comes too near to the true one, that one's own included; (N, K)."""
    return s - _true(s, t)[:, None] + margin


def _others(s, t):
    return 1 - _one_hot(s, t)


def _inside(s, t, margin=1.0):
    """1 for each other class within the margin."""
    return (_over(s, t, margin) > 0) * _others(s, t)


def _pulled(inside, s, t, count=None):
    """The gradient, from the classes inside and what the true one is pulled by."""
    count = inside.sum(1) if count is None else count
    return (inside - _one_hot(s, t) * np.reshape(count, (-1, 1))).astype(s.dtype) / len(s)


def _any_inside(s, t):
    return (_inside(s, t).sum(1) > 0).astype(s.dtype)


def _nearest(s, t):
    """1 for the other class that comes nearest, if that is within the margin."""
    over = np.where(_others(s, t) > 0, _over(s, t), -np.inf)
    return (np.arange(s.shape[1]) == over.argmax(1)[:, None]) * _inside(s, t)


OTHERS = "The sum runs over k ≠ y. What does the term with k = y give?"
COUNT = "The true score stands in every term of the sum: = or +=, −1 or −count?"
EXCESS = "max(0, s_k − s_y + 1): is each part there, with its sign?"
_losses, _gradients = _shared(_hinge)
HINGE = {
    0: {
        **_losses,
        OTHERS: {
            "the true class is counted too, so every example costs 1 more": lambda s, t: (
                _hinge(s, t)[0] + np.ones_like(_hinge(s, t)[0])
            ),
        },
        EXCESS: {
            "the margin is 0, not 1": lambda s, t: F.hinge_loss(s, t, 0.0)[0],
            "the true score is subtracted the wrong way round": lambda s, t: _own(
                s.dtype, (np.maximum(2 - _over(s, t), 0) * _others(s, t)).sum(1).mean()
            ),
            "the margin is subtracted": lambda s, t: F.hinge_loss(s, t, -1.0)[0],
            "negative terms are not cut off at 0": lambda s, t: _own(
                s.dtype, (_over(s, t) * _others(s, t)).sum(1).mean()
            ),
            "the sum is cut off at 0, not each term": lambda s, t: _own(
                s.dtype, np.maximum((_over(s, t) * _others(s, t)).sum(1), 0).mean()
            ),
            "the terms are squared": lambda s, t: _own(
                s.dtype, ((_inside(s, t) * _over(s, t)) ** 2).sum(1).mean()
            ),
            "the absolute value is taken, not the maximum with 0": lambda s, t: _own(
                s.dtype, (np.abs(_over(s, t)) * _others(s, t)).sum(1).mean()
            ),
            "classes within the margin are counted, not measured": lambda s, t: _own(
                s.dtype, _inside(s, t).sum(1).mean()
            ),
        },
        "The sum runs over all other classes, not only the worst of them.": {
            "only the largest term counts": lambda s, t: _own(
                s.dtype, (_nearest(s, t) * _over(s, t)).sum(1).mean()
            ),
            "a mean over the other classes is taken": lambda s, t: (
                _hinge(s, t)[0] / (s.shape[1] - 1)
            ),
            "class 0 is taken for the true one": lambda s, t: F.hinge_loss(s, 0 * t)[0],
            "the largest score is taken for the true one": lambda s, t: _own(
                s.dtype,
                (np.maximum(s - s.max(1, keepdims=True) + 1, 0) * _others(s, t)).sum(1).mean(),
            ),
        },
    },
    1: {
        **_gradients,
        COUNT: {
            "the true class gets −1, however many classes are within the margin": [
                lambda s, t: _pulled(_inside(s, t), s, t, _any_inside(s, t)),
                lambda s, t: _pulled(_inside(s, t), s, t, np.ones(len(s))),
            ],
            "the true class gets no gradient": lambda s, t: _pulled(
                _inside(s, t), s, t, np.zeros(len(s))
            ),
            "only the true class gets a gradient": lambda s, t: (
                _pulled(_inside(s, t), s, t) * _one_hot(s, t)
            ),
            "the true class is pushed down with the others": lambda s, t: _pulled(
                _inside(s, t), s, t, -_inside(s, t).sum(1)
            ),
            "the true class gets minus the number of all other classes": lambda s, t: _pulled(
                _inside(s, t), s, t, np.full(len(s), s.shape[1] - 1)
            ),
        },
        OTHERS: {
            "the true class is counted as within its own margin": [
                lambda s, t: _pulled(_inside(s, t), s, t, _inside(s, t).sum(1) + 1),
                lambda s, t: _pulled(_inside(s, t), s, t, _inside(s, t).sum(1) - 1),
                lambda s, t: _pulled(_inside(s, t), s, t, -np.ones(len(s))),
            ],
        },
        "A class exactly at the margin costs nothing, and gets nothing: > or ≥?": {
            "a class exactly at the margin gets a gradient": lambda s, t: _pulled(
                (_over(s, t) >= 0) * _others(s, t), s, t
            ),
            "terms that are exactly 0 count, also that of the true class": lambda s, t: _pulled(
                (_over(s, t) * _others(s, t) >= 0) * _others(s, t),
                s,
                t,
                (_over(s, t) * _others(s, t) >= 0).sum(1),
            ),
        },
        "The slope of max(0, a) is 1 or 0, whatever a is.": {
            "the margins themselves are passed on, not 1": lambda s, t: _pulled(
                _inside(s, t) * _over(s, t), s, t
            ),
            "the slope is that of the squared terms": lambda s, t: _pulled(
                2 * _inside(s, t) * _over(s, t), s, t
            ),
            "all other classes get a gradient": lambda s, t: _pulled(_others(s, t), s, t),
            "the classes within the margin are those of margin 0": lambda s, t: _pulled(
                _inside(s, t, 0.0), s, t
            ),
            "only the class of the largest term gets a gradient": lambda s, t: _pulled(
                _nearest(s, t), s, t
            ),
        },
    },
}
hinge = Oracle(
    _hinge,
    outputs=("loss", "dscores"),
    mistakes=_mistakes(_hinge, HINGE),
    batch=("scores", "labels"),
)

# --- task 6: a network of two layers -------------------------------------------------------------


def _squares(*weights):
    return sum((w * w).sum() for w in weights)


def _net(
    x, labels, w1, b1, w2, b2, lam, *, bend=F.relu, slope=None, seen=None, times=1.0, kept=(1, 1)
):
    """Loss without the penalty, and the gradients of the first and the second layer.

    Args:
        bend: the activation.
        slope: what its gradient is multiplied by, from (z, dh); by default its derivative.
        seen: the weights that the gradient goes back through; by default w2.
        times: what the gradient of the scores is multiplied by.
        kept: what each bias is multiplied by.
    """
    b1, b2 = kept[0] * b1, kept[1] * b2
    z, first = F.linear(x, w1, b1)
    h, bent = bend(z)
    scores, second = F.linear(h, w2, b2)
    loss, cache = F.softmax_cross_entropy(scores, labels)
    dscores = F.softmax_cross_entropy_backward(times, cache)
    dh, dw2, db2 = F.linear_backward(dscores, second)
    if seen is not None:
        dh = seen(dscores, w2)
    if slope is not None:
        dz = dh * slope(z, dh)
    else:
        dz = {F.relu: F.relu_backward, F.sigmoid: F.sigmoid_backward, F.tanh: F.tanh_backward}[
            bend
        ](dh, bent)
    _, dw1, db1 = F.linear_backward(dz, first)
    return loss, dw1, db1, dw2, db2


def _two_layer(x, labels, w1, b1, w2, b2, lam):
    loss, dw1, db1, dw2, db2 = _net(x, labels, w1, b1, w2, b2, lam)
    return (
        np.asarray(loss + lam / 2 * _squares(w1, w2), x.dtype),
        dw1 + lam * w1,
        db1,
        dw2 + lam * w2,
        db2,
    )


OUTPUTS = ("loss", "dw1", "db1", "dw2", "db2")


def _otherwise(index, change_labels=lambda t, k: t, plus=True, **how):
    """One output of a network that does something else; `plus`: with the right penalty."""

    def make(x, labels, w1, b1, w2, b2, lam):
        labels = change_labels(labels, len(w2))
        value = _net(x, labels, w1, b1, w2, b2, lam, **how)[index]
        penalty = (lam / 2 * _squares(w1, w2), lam * w1, 0 * b1, lam * w2, 0 * b2)[index]
        return np.asarray(value + penalty if plus else value, x.dtype)

    return make


def _penalised(index, penalty):
    """One output of the right network with another penalty, from (w1, b1, w2, b2, lam, N)."""

    def make(x, labels, w1, b1, w2, b2, lam):
        value = _net(x, labels, w1, b1, w2, b2, lam)[index]
        return np.asarray(value + penalty(w1, b1, w2, b2, lam, len(x)), x.dtype)

    return make


def _dw2_of_z(x, labels, w1, b1, w2, b2, lam):
    z, _ = F.linear(x, w1, b1)
    scores, _ = F.linear(F.relu(z)[0], w2, b2)
    dscores = F.softmax_cross_entropy_backward(1.0, F.softmax_cross_entropy(scores, labels)[1])
    return F.linear_backward(dscores, F.linear(z, w2, b2)[1])[1] + lam * w2


TWICE = "w1 and w2 are used twice, in a layer and in the penalty: what comes back adds up."
HALF = "The slope of (λ/2) w² is λ w."
MASK = "dz is dh where z > 0, and 0 elsewhere."


def _of_all(index):
    """Mistakes that show in each gradient, or in the loss too."""
    table = {
        LABELS: {
            "the labels are one off": [
                _otherwise(index, lambda t, k: (t - 1) % k),
                _otherwise(index, lambda t, k: (t + 1) % k),
                _otherwise(index, _one_later),
            ],
        },
        "Each layer has a bias.": {
            "b1 is forgotten": _otherwise(index, kept=(0, 1)),
            "b2 is forgotten": _otherwise(index, kept=(1, 0)),
            "both biases are forgotten": _otherwise(index, kept=(0, 0)),
        },
        "Which activation stands between the layers?": {
            "the activation is the sigmoid, not the ReLU": _otherwise(index, bend=F.sigmoid),
            "the activation is tanh, not the ReLU": _otherwise(index, bend=F.tanh),
            "there is no activation between the layers": _otherwise(
                index, bend=lambda z: (z, None), slope=lambda z, dh: 1.0
            ),
        },
    }
    if index:
        table |= {
            ONE_IMAGE: {
                "the gradient is not divided by N": lambda x, *a: _otherwise(index, times=len(x))(
                    x, *a
                ),
                "it is divided by N twice": lambda x, *a: _otherwise(index, times=1 / len(x))(
                    x, *a
                ),
            },
        }
    if index in (1, 3):
        at = {1: 0, 3: 2}[index]
        table |= {
            TWICE: {
                "the penalty adds nothing to the gradient": _otherwise(index, plus=False),
                "the gradient of the penalty overwrites that of the layer": (
                    lambda *a: a[-1] * a[2 + at]
                ),
            },
            HALF: {
                "the gradient of the penalty is 2 λ w": _penalised(
                    index, lambda *p: 2 * p[4] * p[at]
                ),
                "the gradient of the penalty is (λ/2) w": _penalised(
                    index, lambda *p: p[4] / 2 * p[at]
                ),
                "the gradient of the penalty is divided by N": _penalised(
                    index, lambda *p: p[4] / p[5] * p[at]
                ),
                "the gradient of the penalty is λ, without w": _penalised(
                    index, lambda *p: p[4] * np.ones_like(p[at])
                ),
                "the gradient of the penalty is subtracted": _penalised(
                    index, lambda *p: -p[4] * p[at]
                ),
                "the gradient of the penalty is a single number": _penalised(
                    index, lambda *p: p[4] / 2 * (p[at] ** 2).sum()
                ),
            },
        }
    if index == 3:
        table |= {
            "What goes into the second layer: z or h?": {
                "dw2 is made with z, not with h": _dw2_of_z,
            },
        }
    if index in (2, 4):
        at = {2: 1, 4: 3}[index]
        table |= {
            EVERY: {
                "only the last example counts": lambda x, t, *a: (
                    _net(x[-1:], t[-1:], *a)[index] / len(x)
                ),
            },
            "The penalty holds w1 and w2, and no biases.": {
                "the bias is penalised too": _penalised(index, lambda *p: p[4] * p[at]),
            },
        }
    if index in (1, 2):
        table |= {
            MASK: {
                "the slope of the ReLU is forgotten": _otherwise(
                    index, slope=lambda z, dh: np.ones_like(z)
                ),
                "the slope of the ReLU is taken by the sign of dh, not of z": _otherwise(
                    index, slope=lambda z, dh: dh > 0
                ),
                "the slope of the ReLU is −1 where z is negative": _otherwise(
                    index, slope=lambda z, dh: np.sign(z)
                ),
                "the slope of the ReLU at 0 is 1, not 0": _otherwise(
                    index, slope=lambda z, dh: z >= 0
                ),
                "the slope of the ReLU at 0 is 1/2, not 0": _otherwise(
                    index, slope=lambda z, dh: (1 + np.sign(z)) / 2
                ),
                "it is multiplied by h, not by the slope of the ReLU": _otherwise(
                    index, slope=lambda z, dh: np.maximum(z, 0)
                ),
                "the slope is that of the sigmoid, h (1 − h)": _otherwise(
                    index, slope=lambda z, dh: np.maximum(z, 0) * (1 - np.maximum(z, 0))
                ),
                "the slope is that of tanh, 1 − h²": _otherwise(
                    index, slope=lambda z, dh: 1 - np.maximum(z, 0) ** 2
                ),
                "the slope of the ReLU is turned round": _otherwise(
                    index, slope=lambda z, dh: z <= 0
                ),
            },
            "dh = dscores · w2: which axis of w2 meets the classes?": {
                "the gradient goes back through w2 transposed": _otherwise(
                    index, seen=lambda ds, w2: ds @ w2.T
                ),
                "w2 is left out on the way back": _otherwise(index, seen=lambda ds, w2: ds),
            },
        }
    return table


NET = {
    0: {
        **_of_all(0),
        "The penalty is (λ/2) (Σ w1² + Σ w2²), once, beside the mean.": {
            "the penalty is missing": _otherwise(0, plus=False),
            "the penalty is λ Σ w², not half of it": _penalised(
                0, lambda w1, b1, w2, b2, lam, n: lam * _squares(w1, w2)
            ),
            "the penalty is divided by N": _penalised(
                0, lambda w1, b1, w2, b2, lam, n: lam / 2 / n * _squares(w1, w2)
            ),
            "the biases are penalised too": _penalised(
                0, lambda w1, b1, w2, b2, lam, n: lam / 2 * _squares(w1, w2, b1, b2)
            ),
            "only w1 is penalised": _penalised(
                0, lambda w1, b1, w2, b2, lam, n: lam / 2 * _squares(w1)
            ),
            "only w2 is penalised": _penalised(
                0, lambda w1, b1, w2, b2, lam, n: lam / 2 * _squares(w2)
            ),
            "the penalty is a mean of squares, not a sum": _penalised(
                0, lambda w1, b1, w2, b2, lam, n: lam / 2 * ((w1**2).mean() + (w2**2).mean())
            ),
            "the penalty holds the norms, not their squares": _penalised(
                0,
                lambda w1, b1, w2, b2, lam, n: (
                    lam / 2 * (_squares(w1) ** 0.5 + _squares(w2) ** 0.5)
                ),
            ),
        },
        ONE_IMAGE: {
            "the losses of the examples are summed, not averaged": lambda x, *a: np.asarray(
                _net(x, *a)[0] * len(x) + a[-1] / 2 * _squares(a[1], a[3]), x.dtype
            ),
        },
    },
    **{index: _of_all(index) for index in (1, 2, 3, 4)},
}
two_layer = Oracle(
    _two_layer,
    outputs=OUTPUTS,
    mistakes=_mistakes(_two_layer, NET),
    batch=("x", "labels"),
)


def expect_accuracy(task, parameters, x, labels, least):
    """Fail unless the trained network names at least a share `least` of the examples."""
    w1, b1, w2, b2 = (np.asarray(p, float) for p in parameters)
    h, _ = F.relu(F.linear(x, w1, b1)[0])
    named = F.linear(h, w2, b2)[0].argmax(1)
    right = float((named == labels).mean())
    task.expect(
        right >= least, f"{right:.1%} of the test digits are right; expected at least {least:.0%}."
    )
