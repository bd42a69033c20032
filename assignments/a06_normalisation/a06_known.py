"""References and known mistakes behind the checks of assignment a06.

The references call the library. A mistake is the right function with another habit, or its result
put wrongly together, so that a check can say "it looks as if ...". Nothing here is written the way
the tasks ask for.
"""

from functools import partial
from types import SimpleNamespace

import numpy as np

from convnets import functional as F
from coursekit import Mistake, Oracle


def _mistakes(*tables):
    """Known mistakes from tables, hint -> name -> function that makes it, or several of either."""
    return tuple(
        Mistake(name, make, (hints,) if isinstance(hints, str) else hints)
        for table in tables
        for hints, named in table.items()
        for name, makes in named.items()
        for make in _listed(makes)
    )


def _listed(a):
    return a if isinstance(a, list) else [a]


def _habits(make, habit, table):
    """A table of functions that `make` makes, from a table of habits of that name."""
    return {
        hints: {name: make(**{habit: f}) for name, f in named.items()}
        for hints, named in table.items()
    }


def _wide(a, x):
    """One value for each feature, in the shape that goes with x."""
    return a.reshape(-1, *(1,) * (x.ndim - 2))


# --- which numbers share a mean: functions that put each number's mean in its place --------------


def _over(*axes):
    """Over these axes of x."""
    return lambda a, groups: a.mean(axes, keepdims=True) + 0 * a


def _group(a, groups):
    """Over a group of neighbouring channels of an image."""
    parts = a.reshape(len(a), groups, a[0].size // groups)
    return np.broadcast_to(parts.mean(2)[:, :, None], parts.shape).reshape(a.shape)


def _example(a, groups):
    return _group(a, 1)


def _every(a, groups):
    """Over channels c, c + G, c + 2 G, ..."""
    n, c, h, w = a.shape
    parts = a.reshape(n, c // groups, groups, h * w)
    return (parts.mean((1, 3), keepdims=True) + 0 * parts).reshape(a.shape)


def _sized(a, groups):
    """With `groups` channels in each group."""
    if a.shape[1] % groups:
        raise ValueError("groups do not divide")
    return _group(a, a.shape[1] // groups)


def _together(a, groups):
    """Over the group in all images."""
    parts = a.reshape(len(a), groups, -1)
    return (parts.mean((0, 2), keepdims=True) + 0 * parts).reshape(a.shape)


def _places(a, groups):
    """Over the channels of a group, at each place by itself."""
    n, c, h, w = a.shape
    parts = a.reshape(n, groups, c // groups, h * w)
    return (parts.mean(2, keepdims=True) + 0 * parts).reshape(a.shape)


def _columns(a, groups):
    """Over the channels and rows of a group, each column by itself."""
    n, c, h, w = a.shape
    parts = a.reshape(n, groups, c // groups * h, w)
    return (parts.mean(2, keepdims=True) + 0 * parts).reshape(a.shape)


def _images(a, groups):
    """Over the G parts of the whole batch as it lies in memory."""
    parts = a.reshape(groups, -1)
    return (parts.mean(1, keepdims=True) + 0 * parts).reshape(a.shape)


def _counting(a, groups):
    """Over the features of rows, divided by the number of examples."""
    return a.sum(1, keepdims=True) / len(a) + 0 * a


def _lying(a, groups):
    """Over the features of rows (N, D), without keepdims."""
    return np.broadcast_to(a.mean(1), a.shape)


# --- how root, output and gradients may be put together wrongly -----------------------------------

INSIDE = ("Where in √(σ² + ε) does ε stand?", "root = √(σ² + ε): one ε, inside the root.")
ROOTS = {
    INSIDE: {
        "ε is forgotten": lambda var, eps: np.sqrt(var),
        "ε stands outside the root": lambda var, eps: np.sqrt(var) + eps,
        "ε is added twice": lambda var, eps: np.sqrt(var + 2 * eps),
        "ε is squared": lambda var, eps: np.sqrt(var + eps**2),
        "ε is subtracted": lambda var, eps: np.sqrt(var - eps),
        "ε is always 1e-5": lambda var, eps: np.sqrt(var + 1e-5),
        "ε is always 1e-6": lambda var, eps: np.sqrt(var + 1e-6),
    },
    "By what does the formula divide?": {
        "it is divided by what stands under the root": lambda var, eps: var + eps,
        "the root is taken twice": lambda var, eps: np.sqrt(np.sqrt(var) + eps),
        "it is multiplied by the root, not divided": lambda var, eps: (var + eps) ** -0.5,
    },
}
OUTPUTS = {
    "y = γ x̂ + β: each of the three, once.": {
        "β is not added": lambda x_hat, gamma, beta: gamma * x_hat,
        "γ is forgotten": lambda x_hat, gamma, beta: x_hat + beta,
        "γ and β are forgotten": lambda x_hat, gamma, beta: x_hat + 0 * gamma,
        "γ and β are swapped": lambda x_hat, gamma, beta: beta * x_hat + gamma,
        "β is added before γ is multiplied": lambda x_hat, gamma, beta: gamma * (x_hat + beta),
        "β is subtracted": lambda x_hat, gamma, beta: gamma * x_hat - beta,
        "x̂ is divided by γ": lambda x_hat, gamma, beta: x_hat / gamma + beta,
    },
}


def _right_root(var, eps):
    return np.sqrt(var + eps)


def _right_output(x_hat, gamma, beta):
    return gamma * x_hat + beta


def _square(x, mean, groups):
    return mean((x - mean(x, groups)) ** 2, groups)


def _seen(x, groups, eps, mean, about=None, root=_right_root, square=_square, m=None, hat=None):
    """What normalising knows: mean, variance, root and x̂, all in the shape of x."""
    v = SimpleNamespace(x=x, groups=groups, eps=eps)
    v.m = x[0].size // groups if m is None else m(x, groups)
    v.share = lambda a: mean(a, groups)
    v.mu = (about or mean)(x, groups)
    v.var = square(x, mean, groups)
    v.root = np.broadcast_to(root(v.var, eps), x.shape)
    v.x_hat = (x - v.mu) / v.root if hat is None else hat(v)
    return v


def _forward(mean, output=_right_output, gamma=_wide, beta=_wide, **habits):
    """y with other habits.

    Args:
        mean: over which numbers.
        output: y, from x̂, gamma and beta.
        gamma, beta: how these are laid along x.
        habits: of `_seen`.
    """

    def make(x, groups, scale, shift, eps):
        v = _seen(x, groups, eps, mean, **habits)
        return output(v.x_hat, gamma(scale, x), beta(shift, x))

    return make


def _closed(v, first=None, second=None):
    """dx, its two means taken over other numbers; both over the first, where there is one."""
    first = first or v.share
    back = _wide(v.gamma, v.x) * v.dy
    return (back - first(back) - v.x_hat * (second or first)(back * v.x_hat)) / v.root


def _total(v, a):
    """One number for each channel or feature."""
    return np.moveaxis(a, 1, 0).reshape(a.shape[1], -1).sum(1)


def _backward(mean, dx=_closed, dgamma=None, dbeta=None, **habits):
    """dx, dgamma and dbeta with other habits, each a function of what is known.

    Args:
        mean: over which numbers.
        habits: of `_seen`.
    """

    def make(dy, x, groups, gamma, eps):
        v = _seen(x, groups, eps, mean, **habits)
        v.dy, v.gamma = dy, gamma
        sums = [f(v) if f else _total(v, a) for f, a in ((dgamma, v.dy * v.x_hat), (dbeta, v.dy))]
        return dx(v), *sums

    return make


def _rows(make, eps=1e-5):
    """Without `groups`, which rows have one of."""
    return lambda x, gamma, beta, eps=eps: make(x, 1, gamma, beta, eps)


def _rows_back(make, eps=1e-5):
    return lambda dy, x, gamma, eps=eps: make(dy, x, 1, gamma, eps)


def _maps(make, eps=1e-5):
    """Forward or backward."""
    return lambda a, b, c, d, eps=eps: make(a, b, c, d, eps)


SIGNATURE = "Leave the first line of the function as it is: what is ε where none is given?"
DEFAULTS = (0, 1e-3, 1e-4, 1e-6, 1e-7, 1e-8, 1e-12)


def _wrapped(wrap, right, table):
    """The same table, each function wrapped; and the right one with another default of ε."""
    wrapped = {
        hints: {name: [wrap(f) for f in _listed(makes)] for name, makes in named.items()}
        for hints, named in table.items()
    }
    other = [wrap(right, eps) for eps in DEFAULTS]
    return wrapped | {SIGNATURE: {"the default of ε is not 1e-5": other}}


# --- task 1: layer_norm --------------------------------------------------------------------------

KEEPDIMS = (
    "Which shape has the mean, and along which axis of x does NumPy put it?",
    "(N,) is laid along the last axis, the features; (N, 1) along the examples: keepdims.",
)
WHOSE = "Whose mean is it: over which index does the sum of μ run?"
BIASED = ("Biased or unbiased: which variance normalises?", "σ² in the formula is a mean.")


def _scaled_first(mean):
    """γ and β come before the normalisation."""

    def make(x, groups, gamma, beta, eps):
        before = _right_output(x, _wide(gamma, x), _wide(beta, x))
        return _seen(before, groups, eps, mean).x_hat

    return make


def _statistics(mean):
    """Mistakes of mean and variance, whatever numbers share them."""
    make = partial(_forward, mean)
    return {
        BIASED: {"x is normalised with the unbiased variance": make(square=_unbiased)},
        "In which order: first x̂, then γ and β.": {
            "γ and β come before the normalisation, not after it": _scaled_first(mean),
        },
        "What stands in the numerator of x̂?": {
            "μ is not subtracted from x": make(hat=lambda v: v.x / v.root),
            "μ is added to x": make(hat=lambda v: (v.x + v.mu) / v.root),
        },
        "x̂ is x − μ, divided by something.": {
            "x − μ is not divided by the root": make(hat=lambda v: v.x - v.mu),
        },
        "σ² is the mean square of x − μ.": {
            "the mean is not subtracted before x is squared for the variance": make(
                square=lambda x, mean, groups: mean(x**2, groups)
            ),
            "the mean is subtracted nowhere": make(
                square=lambda x, mean, groups: mean(x**2, groups), hat=lambda v: v.x / v.root
            ),
            "the sum of squares is not divided by their number": make(
                square=lambda x, mean, groups: _square(x, mean, groups) * x[0].size / groups
            ),
        },
    }


def _unbiased(x, mean, groups):
    m = x[0].size // groups
    return _square(x, mean, groups) * m / (m - 1)


ROWS = {
    WHOSE: {
        "the statistics are taken over the examples, as in batch norm": _forward(_over(0)),
        "one mean and one variance are taken of all numbers": _forward(_over(0, 1)),
        "the sums over the features are divided by the number of examples": _forward(_counting),
        "the mean is taken over the examples, the variance over the features": _forward(
            _over(1), about=_over(0)
        ),
        "the variance is taken over the examples, the mean over the features": _forward(
            _over(1), square=lambda x, mean, groups: _square(x, _over(0), groups)
        ),
    },
    KEEPDIMS: {
        "the means lie along the features: keepdims is forgotten": _forward(_over(1), about=_lying),
        "the roots lie along the features: keepdims is forgotten": _forward(
            _over(1), root=lambda var, eps: np.sqrt(var + eps).T[:1] + 0 * var
        ),
        "means and roots lie along the features: keepdims is forgotten": _forward(
            _over(1), about=_lying, root=lambda var, eps: np.sqrt(var + eps).T[:1] + 0 * var
        ),
    },
    ("gamma and beta have the shape (D,): one value for each feature.",): {
        "gamma and beta lie along the examples": _forward(
            _over(1), gamma=lambda a, x: a[:, None], beta=lambda a, x: a[:, None]
        ),
        "gamma lies along the examples": _forward(_over(1), gamma=lambda a, x: a[:, None]),
        "beta lies along the examples": _forward(_over(1), beta=lambda a, x: a[:, None]),
    },
}
ROWS |= _statistics(_over(1))
ROWS |= _habits(partial(_forward, _over(1)), "root", ROOTS)
ROWS |= _habits(partial(_forward, _over(1)), "output", OUTPUTS)
layer_norm = Oracle(
    lambda x, gamma, beta, eps=1e-5: F.layer_norm(x, gamma, beta, eps)[0],
    _mistakes(_wrapped(_rows, _forward(_over(1)), ROWS)),
    batch=("x",),
    extreme=("x",),
)


# --- tasks 2 and 4: the gradients ----------------------------------------------------------------

FACTOR = (
    "γ differs within the numbers that share a mean. Where in the sums does it stand?",
    "Take dx̂ = γ dy first, then the two means of it.",
)
FORGOTTEN = (
    "On how many ways does x reach y?",
    "μ and σ² are functions of x: two terms are subtracted from dx̂.",
)


def _sums(mean, table):
    """Mistakes of dgamma and of dbeta, added up otherwise.

    Args:
        mean: over which numbers.
        table: words -> function of what is known and of an array, or several of them.
    """
    return {
        f"{which} {words}": [
            _backward(mean, **{which: lambda v, part=part, total=total: total(v, part(v))})
            for total in _listed(totals)
        ]
        for which, part in (("dgamma", lambda v: v.dy * v.x_hat), ("dbeta", lambda v: v.dy))
        for words, totals in table.items()
    }


def _elsewhere(mean, table):
    """x̂ is right, both means of dx, or one of them, are taken over other numbers.

    Args:
        mean: over which numbers.
        table: words -> a function like `mean`.
    """
    return {
        f"x̂ is right, but {which} over {words}": _backward(
            mean,
            dx=lambda v, sums=sums, places=places: _closed(
                v, *(partial(sums, groups=v.groups) if other else v.share for other in places)
            ),
        )
        for words, sums in table.items()
        for which, places in (
            ("the means of dx run", (True, True)),
            ("mean(dx̂) runs", (True, False)),
            ("mean(dx̂ · x̂) runs", (False, True)),
        )
    }


def _gradients(mean):
    """Mistakes of dx, dgamma and dbeta, whatever numbers share a mean."""
    make = partial(_backward, mean)

    def back(v):
        return _wide(v.gamma, v.x) * v.dy

    def first(v):
        return v.share(back(v))

    def second(v):
        return v.x_hat * v.share(back(v) * v.x_hat)

    def bare(v):
        return v.x_hat * v.share(v.dy * v.x_hat)

    def less(terms):
        """These are subtracted from dx̂."""
        return make(dx=lambda v: (back(v) - terms(v)) / v.root)

    def outside(terms):
        """These are subtracted from dy, and γ is multiplied after that."""
        return make(dx=lambda v: _wide(v.gamma, v.x) * (v.dy - terms(v)) / v.root)

    return {
        FORGOTTEN: {
            "mean and variance are treated as constants": less(lambda v: 0),
            "the mean is treated as a constant": less(second),
            "the variance is treated as a constant": less(first),
        },
        FACTOR: {
            "γ is multiplied after the means, not before": outside(
                lambda v: v.share(v.dy) + bare(v)
            ),
            "the mean is treated as a constant, and γ is multiplied after the other mean": outside(
                bare
            ),
            "the variance is treated as a constant, and γ is multiplied after the mean": outside(
                lambda v: v.share(v.dy)
            ),
            "γ is missing in dx": make(dx=lambda v: (v.dy - v.share(v.dy) - bare(v)) / v.root),
            "γ is missing in both means": less(lambda v: v.share(v.dy) + bare(v)),
            "γ is missing in the mean of dx̂": less(lambda v: v.share(v.dy) + second(v)),
            "γ is missing in the mean of dx̂ · x̂": less(lambda v: first(v) + bare(v)),
            "γ is a factor twice": make(dx=lambda v: _wide(v.gamma, v.x) * _closed(v)),
        },
        "dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / root: two minus signs, two means.": {
            "mean(dx̂) is added": less(lambda v: second(v) - first(v)),
            "x̂ · mean(dx̂ · x̂) is added": less(lambda v: first(v) - second(v)),
            "both means are added": less(lambda v: -first(v) - second(v)),
            "x̂ is missing before the second mean": less(
                lambda v: first(v) + v.share(back(v) * v.x_hat)
            ),
            "x̂ is missing in the second mean": less(lambda v: (1 + v.x_hat) * first(v)),
            "both means are sums, not divided by their number": less(
                lambda v: v.m * (first(v) + second(v))
            ),
            "mean(dx̂) is a sum, not divided by the number": less(
                lambda v: v.m * first(v) + second(v)
            ),
            "mean(dx̂ · x̂) is a sum, not divided by the number": less(
                lambda v: first(v) + v.m * second(v)
            ),
            "the sums are divided by their number less 1": less(
                lambda v: v.m / (v.m - 1) * (first(v) + second(v))
            ),
        },
        "Is it x, x − μ or x̂ that stands there?": {
            "x − μ stands in place of x̂ in dx": less(lambda v: first(v) + v.root**2 * second(v)),
            "x − μ stands in place of one x̂ in dx": less(lambda v: first(v) + v.root * second(v)),
            "x stands in place of x̂ in dx": less(lambda v: first(v) + v.x * v.share(back(v) * v.x)),
            "x stands in place of x̂ in the second mean": less(
                lambda v: first(v) + v.x_hat * v.share(back(v) * v.x)
            ),
            "x stands in place of x̂ before the second mean": less(
                lambda v: first(v) + v.x * v.share(back(v) * v.x_hat)
            ),
            "dgamma has x − μ in place of x̂": make(dgamma=lambda v: _total(v, v.dy * (v.x - v.mu))),
            "dgamma has x in place of x̂": make(dgamma=lambda v: _total(v, v.dy * v.x)),
        },
        "All of dx is divided by the root, once.": {
            "dx is not divided by the root": make(dx=lambda v: _closed(v) * v.root),
            "dx is divided by root², not by the root": make(dx=lambda v: _closed(v) / v.root),
            "dx is multiplied by the root, not divided": make(dx=lambda v: _closed(v) * v.root**2),
            "only dx̂ is divided by the root, not the two means": less(
                lambda v: v.root * (first(v) + second(v))
            ),
            "only x̂ · mean(dx̂ · x̂) is divided by the root": make(
                dx=lambda v: back(v) - first(v) - second(v) / v.root
            ),
            "x̂ · mean(dx̂ · x̂) is divided by root², not by the root": less(
                lambda v: first(v) + second(v) / v.root
            ),
        },
        "The 1/N of the loss is in dy already.": {
            "dx is divided by N": make(dx=lambda v: _closed(v) / len(v.x)),
        },
        "dgamma = Σ dy · x̂ and dbeta = Σ dy: sums, and no other factor.": {
            "dgamma is the sum of dy alone": make(dgamma=lambda v: _total(v, v.dy)),
        }
        | _sums(
            mean,
            {
                "is averaged, not summed": lambda v, a: _total(v, a) / a[:, 0].size,
                "is multiplied by γ": lambda v, a: v.gamma * _total(v, a),
                "is not summed": lambda v, a: a,
            },
        ),
        "dgamma and dbeta have the shape of gamma: keepdims?": _sums(
            mean,
            {
                "has axes of length 1 left": [
                    lambda v, a, s=s: _total(v, a).reshape(s[: a.ndim])
                    for s in ((1, -1, 1, 1), (-1, 1, 1))
                ]
            },
        ),
        BIASED: {"x is normalised with the unbiased variance": make(square=_unbiased)},
        "x̂ has mean 0 and is divided by the root.": {
            "x̂ is x/root: μ is not subtracted": make(hat=lambda v: v.x / v.root),
        },
    } | _habits(make, "root", ROOTS)


LINES = {
    WHOSE: {
        "x is normalised over the examples, as in batch norm": _backward(_over(0)),
        "x is normalised over the examples, and dx over the features": _backward(
            _over(0), dx=lambda v: _closed(v, lambda a: _example(a, 1))
        ),
    }
    | _elsewhere(_over(1), {"the examples": _over(0), "all numbers": _over(0, 1)}),
    (
        "gamma has one value for each feature: which numbers of dy go through γ[d]?",
        "All examples use the same γ[d], so the sum runs over them.",
    ): _sums(
        _over(1),
        {
            "is summed over the features": lambda v, a: a.sum(1),
            "is one number for all features": lambda v, a: a.sum(),
        },
    ),
    "Are dgamma and dbeta the sums that dx needs? Over which index does each run?": {
        "dgamma and dbeta stand in dx, in place of the sums over the features": _backward(
            _over(1),
            dx=lambda v: (
                (
                    v.gamma * v.dy
                    - v.dy.mean(0) * len(v.x) / v.m
                    - v.x_hat * (v.dy * v.x_hat).mean(0) * len(v.x) / v.m
                )
                / v.root
            ),
        ),
    },
    KEEPDIMS: {
        "the two means of dx lie along the features: keepdims is forgotten": _backward(
            _over(1), dx=lambda v: _closed(v, lambda a: a.mean(1))
        ),
    },
    "How many features share a mean: N or D?": {
        "the sums of dx are divided by the number of examples": _backward(
            _over(1), dx=lambda v: _closed(v, lambda a: _example(a, 1) * a.shape[1] / len(a))
        ),
    },
} | _gradients(_over(1))


def _layer_norm_backward(dy, x, gamma, eps=1e-5):
    return F.layer_norm_backward(dy, F.layer_norm(x, gamma, 0 * gamma, eps)[1])


layer_norm_backward = Oracle(
    _layer_norm_backward,
    _mistakes(_wrapped(_rows_back, _backward(_over(1)), LINES)),
    outputs=("dx", "dgamma", "dbeta"),
    batch=("dy", "x"),
    extreme=("dy",),
)


# --- task 3: group_norm --------------------------------------------------------------------------

GROUPED = (
    "Which channels are in the first group?",
    "Group g holds the C/G channels from g · C/G on: neighbours.",
)
NUMBER = ("How many groups are there, and how many channels has each?", "G groups of C/G channels.")
IMAGE = ("Over which of n, c, h and w does the sum run?", "No other image has a part in it.")
PER_CHANNEL = (
    "How many values has gamma?",
    "One for each channel: channels of one group share the mean, not γ.",
)
MAP = _over(2, 3)
OTHER_GROUPS = {
    GROUPED: {
        "the channels of a group lie G apart: c, c + G, c + 2 G, …": _every,
        "the channels of a group lie C/G apart: c, c + C/G, …": lambda a, groups: _every(
            a, a.shape[1] // groups
        ),
    },
    NUMBER: {
        "`groups` is taken for the number of channels in a group": _sized,
        "`groups` is ignored: each channel by itself, as in instance norm": _over(2, 3),
        "`groups` is ignored: all channels together, as in layer norm": _example,
    },
    IMAGE: {
        "the images of the batch share their statistics": _together,
        "`groups` is ignored: a channel of all images together, as in batch norm": _over(0, 2, 3),
        "every place has statistics of its own": _places,
        "`groups` is ignored: the channels of a place together": _over(1),
        "all numbers share one mean": _over(0, 1, 2, 3),
        "every column of a group has statistics of its own": _columns,
        "x.reshape(G, …) cuts the whole batch into G parts, not each image": _images,
    },
}
SHARED = {
    PER_CHANNEL: {
        "gamma and beta lie along the width, not along the channels": _forward(
            _group, gamma=lambda a, x: a, beta=lambda a, x: a
        ),
        "gamma lies along the width, not along the channels": _forward(
            _group, gamma=lambda a, x: a
        ),
        "beta lies along the width, not along the channels": _forward(_group, beta=lambda a, x: a),
    },
}


TAKEN = (
    lambda c, size, groups: c // size,
    lambda c, size, groups: c // size * size,
    lambda c, size, groups: c % groups,
    lambda c, size, groups: c % size,
)


def _of_first(index):
    """gamma and beta of a group are those of one channel of it, or of one of the first G.

    Args:
        index: of channel c, from c, the size of a group and their number.
    """

    def make(x, groups, gamma, beta, eps):
        channels = np.arange(x.shape[1])
        taken = index(channels, x.shape[1] // groups, groups)
        return _forward(_group)(x, groups, gamma[taken], beta[taken], eps)

    return make


def _turned(x, groups, gamma, beta, eps):
    """Channels G apart normalised together, and brought back to another place."""
    n, c, h, w = x.shape
    parts = np.swapaxes(x.reshape(n, c // groups, groups, h, w), 1, 2).reshape(x.shape)
    return _forward(_group)(parts, groups, gamma, beta, eps)


SHARED[PER_CHANNEL]["gamma and beta are taken for one value a group"] = [
    _of_first(index) for index in TAKEN
]
GROUPS = {
    hints: {name: _forward(mean) for name, mean in named.items()}
    for hints, named in OTHER_GROUPS.items()
}
GROUPS[GROUPED]["the channels were not brought back to their places"] = _turned
GROUPS["y has the shape of x: reshape it back."] = {
    "y has the shape of the groups, not that of x": [
        lambda x, groups, *rest, end=end: _forward(_group)(x, groups, *rest).reshape(
            len(x), groups, -1, *x.shape[end:]
        )
        for end in (2, 4)
    ],
}
GROUPS["Mean and variance are those of the same m numbers: a group of an image."] = {
    "the mean is that of each channel, the variance that of the group": _forward(
        _group, about=_over(2, 3)
    ),
} | {
    f"σ² is {words}": _forward(_group, square=square)
    for words, square in (
        ("that of each channel, μ that of the group", lambda x, mean, g: _square(x, MAP, g)),
        ("that of all channels, μ that of the group", lambda x, mean, g: _square(x, _example, g)),
        ("the mean of the channels' variances", lambda x, mean, g: mean(_square(x, MAP, g), g)),
        (
            "the square of the mean of the channels' standard deviations",
            lambda x, mean, g: mean(np.sqrt(_square(x, MAP, g)), g) ** 2,
        ),
        (
            "divided by H·W, not by (C/G)·H·W",
            lambda x, mean, g: _square(x, mean, g) * (x.shape[1] // g),
        ),
    )
}
GROUPS |= SHARED | _statistics(_group)
GROUPS |= _habits(partial(_forward, _group), "root", ROOTS)
GROUPS |= _habits(partial(_forward, _group), "output", OUTPUTS)
group_norm = Oracle(
    lambda x, groups, gamma, beta, eps=1e-5: F.group_norm(x, groups, gamma, beta, eps)[0],
    _mistakes(_wrapped(_maps, _forward(_group), GROUPS)),
    batch=("x",),
    extreme=("x",),
)


# --- task 4: group_norm_backward -----------------------------------------------------------------


def _counted(m):
    """The sums of dx divided by another number."""
    return _backward(
        _group, dx=lambda v: _closed(v, lambda a: v.share(a) * (v.m / m(a.shape, v.groups)))
    )


def _with_gamma(index, v):
    """dx with gamma[index] in place of gamma."""
    channels = v.x.shape[1]
    taken = index(np.arange(channels), channels // v.groups, v.groups)
    return _closed(SimpleNamespace(**{**vars(v), "gamma": v.gamma[taken]}))


def _across(v):
    ones = np.ones_like(v.gamma)
    return _closed(SimpleNamespace(**{**vars(v), "gamma": ones, "dy": v.dy * v.gamma}))


def _of_groups(v, a):
    return _total(v, a).reshape(v.groups, -1).sum(1)


ADDED = {
    "is one value for each group, not for each channel": _of_groups,
    "is summed over all channels of the group": lambda v, a: np.repeat(
        _of_groups(v, a), a.shape[1] // v.groups
    ),
    "is not summed over the images": lambda v, a: a.sum((2, 3)),
    "is averaged over the images, not summed": lambda v, a: a.sum((2, 3)).mean(0),
    "is averaged over the pixels, not summed": lambda v, a: a.mean((2, 3)).sum(0),
    "is not summed over the pixels": lambda v, a: a.sum(0),
    "is summed over the channels, too": lambda v, a: a.sum(),
    "is summed over the channels, but not over the width": lambda v, a: a.sum((0, 1, 2)),
    "is summed over channels and pixels, for each image": lambda v, a: a.sum((1, 2, 3)),
}
MAPS = {
    hints: {name: _backward(mean) for name, mean in named.items()}
    for hints, named in OTHER_GROUPS.items()
}
MAPS["Over which numbers do the two means of dx run? Over those that share μ and σ²."] = _elsewhere(
    _group,
    {
        "the channels G apart": _every,
        "each channel by itself": MAP,
        "all channels of the image": _example,
        "the group in all images": _together,
        "the channel in all images": _over(0, 2, 3),
        "the group at each place": _places,
    },
)
MAPS[("How many numbers share a mean?", "m = (C/G) · H · W.")] = {
    f"the sums of dx are divided by {words}": _counted(m)
    for words, m in (
        ("H·W, not by (C/G)·H·W", lambda s, g: s[2] * s[3]),
        ("C·H·W, not by (C/G)·H·W", lambda s, g: s[1] * s[2] * s[3]),
        ("N·(C/G)·H·W, not by (C/G)·H·W", lambda s, g: s[0] * s[1] * s[2] * s[3] // g),
        ("N·H·W, not by (C/G)·H·W", lambda s, g: s[0] * s[2] * s[3]),
        ("G·H·W, not by (C/G)·H·W", lambda s, g: g * s[2] * s[3]),
        ("C/G, not by (C/G)·H·W", lambda s, g: s[1] // g),
        ("N, not by (C/G)·H·W", lambda s, g: s[0]),
    )
}
MAPS[PER_CHANNEL] = _sums(_group, ADDED)
MAPS[PER_CHANNEL]["gamma is taken for one value a group in dx"] = [
    _backward(_group, dx=partial(_with_gamma, index)) for index in TAKEN
]
MAPS["dx has the shape of x: reshape it back."] = {
    "dx has the shape of the groups, not that of x": [
        _backward(_group, dx=lambda v: _closed(v).reshape(len(v.x), v.groups, -1, *v.x.shape[2:])),
        _backward(_group, dx=lambda v: _closed(v).reshape(len(v.x), v.groups, -1)),
    ],
}
MAPS[PER_CHANNEL]["gamma lies along the width in dx"] = _backward(_group, dx=_across)
MAPS |= _gradients(_group)


def _group_norm_backward(dy, x, groups, gamma, eps=1e-5):
    return F.group_norm_backward(dy, F.group_norm(x, groups, gamma, 0 * gamma, eps)[1])


group_norm_backward = Oracle(
    _group_norm_backward,
    _mistakes(_wrapped(_maps, _backward(_group), MAPS)),
    outputs=("dx", "dgamma", "dbeta"),
    batch=("dy", "x"),
    extreme=("dy",),
)


# --- task 5: weight_norm -------------------------------------------------------------------------


def _weight_norm(v, g, dw):
    w, cache = F.weight_norm(v, g)
    return w, *F.weight_norm_backward(dw, cache)


def _of_each(v):
    """Axes of the weights of one output."""
    return tuple(range(1, v.ndim))


def _norms(axes=_of_each, power=0.5):
    """Lengths over these axes of v, in a shape that goes with it."""
    return lambda v: np.sum(v * v, axis=axes(v), keepdims=True) ** power


LENGTHS = _norms()


def _of_rows(a, v):
    """(F,) as it goes with v."""
    return a.reshape(-1, *(1,) * (v.ndim - 1))


def _weights(norms=LENGTHS, w=None, dg=None, dv=None, length=_of_rows):
    """w, dv and dg with other habits, each a function of what is known."""

    def make(v, g, dw):
        k = SimpleNamespace(v=v, dw=dw, norm=norms(v), given=g)
        k.g = length(g, v)
        k.unit = v / k.norm
        k.sum = lambda a: a.reshape(len(a), -1).sum(1)
        k.along = _of_rows(k.sum(dw * k.unit), v)
        k.dg = dg(k) if dg else k.sum(dw * k.unit)
        made = w(k) if w else k.unit * k.g
        back = dv(k) if dv else (dw - k.along * k.unit) * k.g / k.norm
        return made, back, k.dg

    return make


def _less_of(term):
    """In dv, this is subtracted from dw."""
    return _weights(dv=lambda k: (k.dw - term(k)) * k.g / k.norm)


ROWS_OF = ("How many lengths are there?", "Each output has one, over all of its weights v[f].")
PROJECTION = (
    "Make v longer: does w change? So how large may dv · v be?",
    "The part of dw along v/‖v‖ is taken away: it has gone to g.",
)
UNIT = ("What is dw multiplied by in dg: v, or the direction of v?", "dg = dw · v/‖v‖.")
WEIGHTS = {
    ROWS_OF: {
        "one norm is taken over all of v": _weights(_norms(lambda v: None)),
        "the norms are taken over the outputs, not over the weights of each": [
            _weights(_norms(lambda v: (0,))),
        ],
        "the norms are taken over the last axis only": _weights(_norms(lambda v: (-1,))),
        "the norms are taken over axis 1 only": _weights(_norms(lambda v: (1,))),
        "each channel of a kernel has a norm of its own": _weights(
            _norms(lambda v: (2, 3) if v.ndim == 4 else (1,))
        ),
        "the norms are taken over axes 0 and 1 of a kernel": _weights(
            _norms(lambda v: (0, 1) if v.ndim == 4 else (1,))
        ),
    },
    "‖v‖ = √(Σ v²)": {
        "‖v‖² stands in place of ‖v‖": _weights(_norms(power=1)),
        "‖v‖ is the sum of absolute values": _weights(
            lambda v: np.abs(v).sum(_of_each(v), keepdims=True)
        ),
        "‖v‖ is the root of the mean square, not of the sum": _weights(
            lambda v: LENGTHS(v) / np.sqrt(v[0].size)
        ),
        "‖v‖ is the largest absolute value": _weights(
            lambda v: np.abs(v).max(_of_each(v), keepdims=True)
        ),
        "a small number is added to ‖v‖ or to its square": [
            made
            for e in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
            for made in (
                _weights(lambda v, e=e: LENGTHS(v) + e),
                _weights(lambda v, e=e: np.sqrt(LENGTHS(v) ** 2 + e)),
                _weights(  # in the direction alone
                    lambda v, e=e: LENGTHS(v) + e,
                    dv=lambda k: (k.dw - k.along * k.unit) * k.g / LENGTHS(k.v),
                ),
            )
        ],
    },
    "w = g v/‖v‖: g once, and the length of v does not matter.": {
        "w is not divided by ‖v‖": _weights(w=lambda k: k.g * k.v),
        "g is missing in w": _weights(w=lambda k: k.unit * k.g / k.g),
        "w has |g| in place of g": _weights(w=lambda k: np.abs(k.g) * k.unit),
        "w is divided by g": _weights(w=lambda k: k.unit / k.g),
    },
    "Each output has its own g: on which axis of v do the outputs lie?": {
        "g lies along the last axis of v, not along the outputs": _weights(
            length=lambda g, v: g + 0 * v[:1]
        ),
        "one g is taken for all outputs": _weights(length=lambda g, v: g[0]),
    },
    UNIT: {
        "dg is dw · v, with v in place of v/‖v‖": _weights(dg=lambda k: k.sum(k.dw * k.v)),
        "dg is dw · w, with w in place of v/‖v‖": _weights(
            dg=lambda k: k.given * k.sum(k.dw * k.unit)
        ),
        "dg is divided by g": _weights(dg=lambda k: k.sum(k.dw * k.unit) / k.given),
        "dg is the sum of dw": _weights(dg=lambda k: k.sum(k.dw)),
        "dg is the length of dw": _weights(dg=lambda k: np.sqrt(k.sum(k.dw * k.dw))),
    },
    "dg has the shape of g: over what is summed?": {
        "dg is summed over the outputs, too": _weights(dg=lambda k: np.sum(k.dw * k.unit)),
        "dg is not summed": _weights(dg=lambda k: k.dw * k.unit),
        "dg is averaged, not summed": _weights(dg=lambda k: k.sum(k.dw * k.unit) / k.dw[0].size),
        "dg has axes of length 1 left": [
            _weights(dg=lambda k: k.along),
            _weights(dg=lambda k: k.along.reshape(-1, 1)),
        ],
        "dg is summed over the last axis only": _weights(dg=lambda k: (k.dw * k.unit).sum(-1)),
    },
    PROJECTION: {
        "dv is g/‖v‖ · dw: nothing is projected away": _less_of(lambda k: 0),
        "dv is dw as it came": _weights(dv=lambda k: k.dw),
        "dv is g · dw: neither divided by ‖v‖ nor projected": _weights(dv=lambda k: k.dw * k.g),
        "dg · v is subtracted in dv, not dg · v/‖v‖": _less_of(lambda k: k.along * k.v),
        "dg · v/‖v‖² is subtracted in dv, not dg · v/‖v‖": _less_of(
            lambda k: k.along * k.unit / k.norm
        ),
        "dg · w is subtracted in dv, not dg · v/‖v‖": _less_of(lambda k: k.along * k.g * k.unit),
        "g · v/‖v‖ is subtracted in dv, not dg · v/‖v‖": _less_of(lambda k: k.g * k.unit),
        "dg alone is subtracted in dv, without the direction": _less_of(lambda k: k.along),
        "the part along v is added in dv, not subtracted": _less_of(lambda k: -k.along * k.unit),
        "dw · v is not summed in dv": _less_of(lambda k: k.dw * k.unit**2),
        "dv is the part along v, not the one across": _weights(
            dv=lambda k: k.along * k.unit * k.g / k.norm
        ),
    },
    "Before the bracket of dv stands g/‖v‖.": {
        "g is missing in dv": _weights(dv=lambda k: (k.dw - k.along * k.unit) / k.norm),
        "dv is not divided by ‖v‖": _weights(dv=lambda k: (k.dw - k.along * k.unit) * k.g),
        "g/‖v‖ is missing in dv": _weights(dv=lambda k: k.dw - k.along * k.unit),
        "dv is divided by ‖v‖²": _weights(dv=lambda k: (k.dw - k.along * k.unit) * k.g / k.norm**2),
        "the part that is subtracted in dv lacks g/‖v‖": _weights(
            dv=lambda k: k.dw * k.g / k.norm - k.along * k.unit
        ),
        "g is missing before dw in dv": _weights(
            dv=lambda k: (k.dw - k.g * k.along * k.unit) / k.norm
        ),
        "dv is multiplied by ‖v‖, not divided": _weights(
            dv=lambda k: (k.dw - k.along * k.unit) * k.g * k.norm
        ),
        "dv has |g| in place of g": _weights(
            dv=lambda k: (k.dw - k.along * k.unit) * np.abs(k.g) / k.norm
        ),
    },
}
weight_norm = Oracle(
    _weight_norm,
    _mistakes(WEIGHTS),
    outputs=("w", "dv", "dg"),
    extreme=("dw",),
)


# --- task 6: filter_response ---------------------------------------------------------------------


def _filter_response(x, gamma, beta, tau, dz, eps=1e-6):
    y, normal = F.filter_response_norm(x, gamma, beta, eps)
    z, kept = F.thresholded_linear(y, tau)
    dy, dtau = F.thresholded_linear_backward(dz, kept)
    return z, *F.filter_response_norm_backward(dy, normal), dtau


def _mean_square(*axes):
    return lambda x: (x**2).mean(axes, keepdims=True)


def _response(
    square=lambda x: (x**2).mean((2, 3), keepdims=True),
    root=_right_root,
    hat=lambda k: k.x / k.root,
    output=_right_output,
    z=lambda k: np.maximum(k.y, k.tau),
    passes=lambda k: k.y > k.tau,
    dy=lambda k: np.where(k.open, k.dz, 0),
    lay=_wide,
    default=1e-6,
    **gradients,
):
    """`_filter_response` with other habits.

    Args:
        square: ν².
        root: what x is divided by.
        hat: x̂, of what is known so far.
        output: y, from x̂, gamma and beta.
        z: of what is known so far.
        passes: where y goes through.
        dy: what comes back through the threshold.
        lay: puts gamma, beta and tau along x.
        default: of ε.
        gradients: name -> function of what is known.
    """

    def make(x, gamma, beta, tau, dz, eps=default):
        k = SimpleNamespace(x=x, dz=dz, eps=eps, m=x.shape[2] * x.shape[3])
        k.gamma, k.beta, k.tau = (lay(a, x) for a in (gamma, beta, tau))
        k.root = root(square(x), eps)
        k.hat = hat(k)
        k.y = output(k.hat, k.gamma, k.beta)
        k.z = z(k)
        k.open = passes(k)
        k.dy = dy(k)
        made = [(gradients.get(name) or right)(k) for name, right in RESPONSE.items()]
        return k.z, *made

    return make


def _each(a):
    return np.einsum("nchw->c", a)


def _mean_along(k, a):
    return np.einsum("nchw->nc", a)[:, :, None, None] / k.m


def _along(k):
    return k.hat * _mean_along(k, k.dy * k.hat)


def _dx(k, term=_along):
    return k.gamma / k.root * (k.dy - term(k))


def _less(term):
    """In dx, this is subtracted from dy."""
    return _response(dx=lambda k: _dx(k, term))


ADDENDS = {
    "dgamma": lambda k: k.dy * k.hat,
    "dbeta": lambda k: k.dy,
    "dtau": lambda k: np.where(k.open, 0, k.dz),
}
RESPONSE = {"dx": _dx} | {
    name: lambda k, part=part: _each(part(k)) for name, part in ADDENDS.items()
}
TOTALS = {
    f"{name} {words}": _response(**{name: lambda k, part=part, total=total: total(k, part(k))})
    for name, part in ADDENDS.items()
    for words, total in {
        "has axes of length 1 left": lambda k, a: _each(a).reshape(1, -1, 1, 1),
        "has the opposite sign": lambda k, a: -_each(a),
        "is averaged, not summed": lambda k, a: _each(a) / (len(k.x) * k.m),
        "is averaged over the images, not summed": lambda k, a: _each(a) / len(k.x),
        "is averaged over the pixels, not summed": lambda k, a: _each(a) / k.m,
        "is multiplied by γ": lambda k, a: k.gamma.ravel() * _each(a),
        "is multiplied by τ": lambda k, a: k.tau.ravel() * _each(a),
        "is not summed over the images": lambda k, a: a.sum((2, 3)),
        "is not summed over the pixels": lambda k, a: a.sum(0),
        "is summed over the channels, too": lambda k, a: a.sum(),
        "is not summed": lambda k, a: a,
    }.items()
}
MEAN_SQUARE = (
    "Is anything subtracted before x is squared? Over which indices is the mean?",
    "ν² is the mean of x² over the pixels of one map.",
)
THRESHOLD = ("What is z where y is below τ?", "z = max(y, τ), with τ of the channel.")
WAYS = (
    "Which dz reach y, and which reach τ?",
    "Where y > τ, z is y, and dz goes to y; everywhere else z is τ, and dz goes to τ.",
)
TIED = (
    "Where y = τ, the task says where dz goes.",
    "A tie belongs to τ: dy = dz only where y > τ.",
)
RESPONSES = {
    SIGNATURE: {
        "the default of ε is not 1e-6": [
            _response(default=eps) for eps in (1e-5, *DEFAULTS) if eps != 1e-6
        ],
    },
    PER_CHANNEL: {
        "gamma, beta and tau lie along the width, not along the channels": _response(
            lay=lambda a, x: a
        ),
    },
    MEAN_SQUARE: {
        "ν² is the variance: the mean is subtracted before squaring": _response(
            square=lambda x: x.var((2, 3), keepdims=True)
        ),
        "ν² is taken over all channels of an image": _response(square=_mean_square(1, 2, 3)),
        "ν² is taken over the images, too": _response(square=_mean_square(0, 2, 3)),
        "ν² is taken over the channels of a pixel": _response(square=_mean_square(1)),
        "ν² is taken over all numbers": _response(square=_mean_square(0, 1, 2, 3)),
        "ν² is taken over the last axis only": _response(square=_mean_square(3)),
        "ν² is a sum of squares, not their mean": _response(
            square=lambda x: (x**2).sum((2, 3), keepdims=True)
        ),
        "ν² is the square of the mean": _response(
            square=lambda x: x.mean((2, 3), keepdims=True) ** 2
        ),
        "the mean is subtracted, as in instance norm": _response(
            square=lambda x: x.var((2, 3), keepdims=True),
            hat=lambda k: (k.x - k.x.mean((2, 3), keepdims=True)) / k.root,
        ),
        "the mean is subtracted from x, but not before squaring": _response(
            hat=lambda k: (k.x - k.x.mean((2, 3), keepdims=True)) / k.root
        ),
    },
    THRESHOLD: {
        "z is max(y, 0): τ is forgotten": _response(z=lambda k: np.maximum(k.y, 0)),
        "z is y: there is no threshold": _response(z=lambda k: k.y),
        "z is min(y, τ)": _response(z=lambda k: np.minimum(k.y, k.tau)),
        "z is max(y − τ, 0): τ is not added back": _response(
            z=lambda k: np.maximum(k.y - k.tau, 0)
        ),
        "z is max(y, 0) + τ": _response(z=lambda k: np.maximum(k.y, 0) + k.tau),
        "z is 0 where y is below τ": _response(z=lambda k: np.where(k.y > k.tau, k.y, 0)),
        "z is max(x̂, τ): without γ and β": _response(z=lambda k: np.maximum(k.hat, k.tau)),
        "z is max(y + τ, 0) − τ": _response(z=lambda k: np.maximum(k.y + k.tau, 0) - k.tau),
        "γ and β come after the threshold": _response(
            z=lambda k: k.gamma * np.maximum(k.hat, k.tau) + k.beta
        ),
    },
    WAYS: {
        "dz goes to y where y > 0, not where y > τ": _response(passes=lambda k: k.y > 0),
        "dz goes to y where x > τ, not where y > τ": _response(passes=lambda k: k.x > k.tau),
        "dz goes to y where x > 0, not where y > τ": _response(passes=lambda k: k.x > 0),
        "dz goes to y where x̂ > τ, not where y > τ": _response(passes=lambda k: k.hat > k.tau),
        "dz goes to y where dz > τ, not where y > τ": _response(passes=lambda k: k.dz > k.tau),
        "dz goes to y where z > 0, not where y > τ": _response(passes=lambda k: k.z > 0),
        "dz goes to y where y is below τ, not above": _response(
            dy=lambda k: np.where(k.open, 0, k.dz)
        ),
    },
    TIED: {
        "at ties, dz goes to y": _response(dy=lambda k: np.where(k.y >= k.tau, k.dz, 0)),
        "at ties, half of dz goes to y": _response(
            dy=lambda k: np.where(k.open, k.dz, np.where(k.y < k.tau, 0, k.dz / 2))
        ),
        "at ties, nothing goes to τ": _response(
            dtau=lambda k: _each(np.where(k.y < k.tau, k.dz, 0))
        ),
        "at ties, half of dz goes to τ": _response(
            dtau=lambda k: _each(np.where(k.open, 0, np.where(k.y < k.tau, k.dz, k.dz / 2)))
        ),
    },
    ("dτ[c] is a sum: of which dz, over which indices?", "Σ dz over n, h and w where y ≤ τ."): {
        "dtau is the sum of all dz": _response(dtau=lambda k: _each(k.dz)),
        "dtau is the sum of dz where y > τ": _response(dtau=lambda k: _each(k.dy)),
        "dtau is minus the sum of dz where y > τ, as if z were max(y − τ, 0)": _response(
            dtau=lambda k: -_each(k.dy)
        ),
        "dtau counts the pixels instead of adding dz": _response(
            dtau=lambda k: _each(np.where(k.open, 0, 1.0))
        ),
    },
    "dγ, dβ and dτ are sums over n, h and w, without any other factor.": TOTALS,
    ("γ and β come before the threshold: which gradient reaches them, dz or dy?",): {
        "dgamma is made of dz, not of dy": _response(dgamma=lambda k: _each(k.dz * k.hat)),
        "dbeta is the sum of dz, not of dy": _response(dbeta=lambda k: _each(k.dz)),
        "dx is made of dz, not of dy": _response(
            dx=lambda k: k.gamma / k.root * (k.dz - k.hat * _mean_along(k, k.dz * k.hat))
        ),
        "the mean in dx is made of dz, not of dy": _less(
            lambda k: k.hat * _mean_along(k, k.dz * k.hat)
        ),
        "the threshold is applied to the whole of dx": _response(
            dx=lambda k: (
                np.where(k.open, k.dz - k.hat * _mean_along(k, k.dz * k.hat), 0) * k.gamma / k.root
            )
        ),
        "the threshold is applied to dx once more": _response(
            dx=lambda k: np.where(k.open, _dx(k), 0)
        ),
    },
    "dgamma = Σ dy · x̂": {
        "dgamma has x in place of x̂": _response(dgamma=lambda k: _each(k.dy * k.x)),
        "dgamma has y, or z, in place of x̂": _response(dgamma=lambda k: _each(k.dy * k.y)),
    },
    (
        "On how many ways does x reach y?",
        "ν² is a function of x: x̂ times a mean is subtracted, and it is not subtracted from x.",
    ): {
        "ν² is treated as a constant": _less(lambda k: 0),
        "mean(dy) is subtracted in dx, too, as if x were centred": _less(
            lambda k: _along(k) + _mean_along(k, k.dy)
        ),
        "x stands in place of x̂ in dx": _less(lambda k: k.x * _mean_along(k, k.dy * k.x)),
        "x stands in place of one x̂ in dx": _less(lambda k: k.x * _mean_along(k, k.dy * k.hat)),
        "x̂ is missing before the mean in dx": _less(lambda k: _mean_along(k, k.dy * k.hat)),
        "x̂ is missing in the mean in dx": _less(lambda k: k.hat * _mean_along(k, k.dy)),
        "x̂ times the mean is added in dx": _less(lambda k: -_along(k)),
        "the mean in dx is a sum, not divided by H·W": _less(lambda k: k.m * _along(k)),
        "the mean in dx runs over the images, too": _less(
            lambda k: k.hat * (k.dy * k.hat).mean((0, 2, 3), keepdims=True)
        ),
        "the mean in dx runs over the channels, too": _less(
            lambda k: k.hat * (k.dy * k.hat).mean((1, 2, 3), keepdims=True)
        ),
        "the sum in dx is divided by N·H·W, not by H·W": _less(lambda k: _along(k) / len(k.x)),
        "the mean in dx is half as large: the factor 2 of the square is forgotten": _less(
            lambda k: _along(k) / 2
        ),
        "the mean in dx is twice as large": _less(lambda k: 2 * _along(k)),
        "γ is a factor of the mean in dx twice": _less(lambda k: k.gamma * _along(k)),
    },
    "γ/√(ν² + ε) stands before the bracket of dx, once.": {
        "γ is missing in dx": _response(dx=lambda k: _dx(k) / k.gamma),
        "γ is a factor of dx twice": _response(dx=lambda k: _dx(k) * k.gamma),
        "dx is not divided by the root": _response(dx=lambda k: _dx(k) * k.root),
        "dx is divided by root², not by the root": _response(dx=lambda k: _dx(k) / k.root),
        "γ is missing before dy in dx": _response(
            dx=lambda k: (k.dy - k.gamma * _along(k)) / k.root
        ),
        "γ is missing before the mean in dx": _less(lambda k: _along(k) / k.gamma),
        "dx is divided by N: the 1/N of the loss is in dz already": _response(
            dx=lambda k: _dx(k) / len(k.x)
        ),
    },
}
RESPONSES |= _habits(_response, "root", ROOTS) | _habits(_response, "output", OUTPUTS)
# the same as "max(x̂, τ)" and "x̂ > τ" above
del RESPONSES["y = γ x̂ + β: each of the three, once."]["γ and β are forgotten"]
filter_response = Oracle(
    _filter_response,
    _mistakes(RESPONSES),
    outputs=("z", "dx", "dgamma", "dbeta", "dtau"),
    batch=("x", "dz"),
    extreme=("dz",),
)
