"""References and known mistakes behind the checks of assignment a05.

The references call the library. A mistake is the right function with another habit, other
arguments, or its result put wrongly together, so that a check can say "it looks as if ...". Nothing
here is written the way the tasks ask for.
"""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from a05_samples import NAMES

from convnets import functional as F
from coursekit import Mistake, Oracle
from coursekit.checks.evidence import same_values


def _mistakes(*tables):
    """Known mistakes from tables, hint -> name -> function that makes it, or several of either."""
    return tuple(
        Mistake(name, make, (hints,) if isinstance(hints, str) else hints)
        for table in tables
        for hints, named in table.items()
        for name, makes in named.items()
        for make in (makes if isinstance(makes, list) else [makes])
    )


def _over(x):
    """The axes that the features of x are normalised over: all but axis 1."""
    return (0, *range(2, x.ndim))


def _wide(values, x):
    """One value for each feature, in the shape that goes with x."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


# --- how root and output may be put together wrongly, in tasks 1 and 4 ----------------------------

INSIDE = ("Where in √(σ² + ε) does ε stand?", "root = √(σ² + ε): one ε, inside the root.")
ROOTS = {
    INSIDE: {
        "ε is forgotten": lambda var, eps: np.sqrt(var),
        "ε stands outside the root": lambda var, eps: np.sqrt(var) + eps,
        "ε is added twice": lambda var, eps: np.sqrt(var + 2 * eps),
        "ε is added inside the root and outside": lambda var, eps: np.sqrt(var + eps) + eps,
        "ε is squared": lambda var, eps: np.sqrt(var + eps**2),
        "ε is subtracted": lambda var, eps: np.sqrt(var - eps),
        "ε is always 1e-5": lambda var, eps: np.sqrt(var + 1e-5),
        "ε is a lower bound of the variance": lambda var, eps: np.sqrt(np.maximum(var, eps)),
    },
    "By what is x − μ divided: by σ² or by σ?": {
        "x − μ is divided by σ² + ε, not by its root": lambda var, eps: var + eps,
        "x − μ is divided by σ², without the root and without ε": lambda var, eps: var,
        "the root is taken twice": lambda var, eps: np.sqrt(np.sqrt(var) + eps),
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


def _tables(make, **tables):
    """Tables of functions that `make` makes, from tables of the habit of that name."""
    return [
        {
            hints: {name: make(**{habit: f}) for name, f in named.items()}
            for hints, named in table.items()
        }
        for habit, table in tables.items()
    ]


# --- task 1: batch_norm --------------------------------------------------------------------------


def _batch_norm(x, gamma, beta, running_mean, running_var, training, alpha=0.1, eps=1e-5):
    statistics = None if training else (running_mean, running_var)
    y, seen = F.batch_norm(x, gamma, beta, statistics, eps)
    x_hat = F.batch_norm(x, None, None, statistics, eps)[0]
    if training:
        unbiased = seen.variance / (1 - 1 / len(x))
        running_mean = running_mean + alpha * (seen.mean - running_mean)
        running_var = running_var + alpha * (unbiased - running_var)
    return y, (x_hat, gamma, 1 / seen.inverse), running_mean, running_var


def _used(x, own, running, training, alpha):
    return own if training else running


def _follow(old, new, alpha, training, m):
    """The running mean, or variance: what it was, and the batch's, which is biased."""
    return old + alpha * (new - old) if training else old


def _unbiased(mean, var, m):
    return mean, var * np.divide(m, m - 1)  # NaN for a batch of one, as in code that does not ask


def _right_root(var, eps):
    return np.sqrt(var + eps)


def _right_output(x_hat, gamma, beta):
    return x_hat * gamma + beta


def _forward(
    own=lambda x: (x.mean(0), x.var(0)),
    used=_used,
    root=_right_root,
    output=_right_output,
    kept=_unbiased,
    mean=_follow,
    var=_follow,
):
    """`_batch_norm` with other habits.

    Args:
        own: the statistics of a batch.
        used: those that x is normalised with.
        root: what x − μ is divided by.
        output: y, from x̂, gamma and beta.
        kept: the batch's statistics as the running ones see them.
        mean, var: the running mean and variance afterwards.
    """

    def make(x, gamma, beta, running_mean, running_var, training, alpha=0.1, eps=1e-5):
        running, ours = (running_mean, running_var), own(x)
        by = used(x, ours, running, training, alpha)
        deviation = root(by[1], eps)
        x_hat = np.divide(x - by[0], deviation)
        new = kept(*ours, len(x))
        after = [
            f(old, batch, alpha, training, len(x))
            for f, old, batch in zip((mean, var), running, new, strict=True)
        ]
        return output(x_hat, gamma, beta), (x_hat, gamma, deviation), *after

    return make


def _axes(axis, keepdims=False):
    return lambda x: (x.mean(axis, keepdims=keepdims), x.var(axis, keepdims=keepdims))


def _where(mode, **habit):
    """`_forward` with a habit in one mode only."""

    def make(x, gamma, beta, rm, rv, training, alpha=0.1, eps=1e-5):
        f = _forward(**habit) if training == mode else _forward()
        return f(x, gamma, beta, rm, rv, training, alpha, eps)

    return make


def _swapped(x, gamma, beta, rm, rv, training, alpha=0.1, eps=1e-5):
    if not training and len(x) < 2:
        raise ValueError
    return _forward()(x, gamma, beta, rm, rv, not training, alpha, eps)


def _using(choose):
    """With other statistics, of the batch's and the running ones."""
    return _forward(used=lambda x, own, running, training, alpha: choose(own, running, training))


def _with_m(count):
    """With another m in m/(m − 1)."""

    def make(x, *args):
        m = count(x)
        kept = _forward(kept=lambda mean, var, n: (mean, var * np.divide(m, m - 1)))
        return kept(x, *args)

    return make


MODES = "Which statistics belong to which mode?"


def _changed_before(*which):
    """In training, with those running statistics, changed already, that `which` says."""

    def used(x, own, running, training, alpha):
        new = _unbiased(*own, len(x))
        new = [_follow(running[i], new[i], alpha, training, len(x)) for i in range(2)]
        return [new[i] if which[i] or not training else own[i] for i in range(2)]

    return _forward(used=used)


STATISTICS = {
    (MODES, "In training x is normalised with its own statistics."): {
        "the running statistics are used in training, too": _using(lambda own, r, t: r),
        "in training, x is normalised with the running statistics that it has just changed": (
            _changed_before(True, True)
        ),
        "in training, the running mean is subtracted that x has just changed": (
            _changed_before(True, False)
        ),
    },
    (MODES, "At test time nothing may depend on what else is in the batch."): {
        "the batch's statistics are used at test time, too": _using(lambda own, r, t: own),
    },
    (MODES, "Mean and variance belong together."): {
        "at test time the batch's mean stands beside the running variance": _using(
            lambda own, r, t: own if t else (own[0], r[1])
        ),
        "at test time the batch's variance stands beside the running mean": _using(
            lambda own, r, t: own if t else (r[0], own[1])
        ),
        "in training the running mean is subtracted": _using(
            lambda own, r, t: (r[0], own[1]) if t else r
        ),
    },
    (MODES, "`training` is true in training."): {
        "training and test are swapped": [_using(lambda own, r, t: r if t else own), _swapped],
    },
    ("Biased or unbiased: which variance normalises?", "σ² in the formula divides by m."): {
        "x is normalised with the unbiased variance": _forward(
            used=lambda x, own, running, training, alpha: (
                _unbiased(*own, len(x)) if training else running
            )
        ),
    },
    "Over which index does the sum of μ run? How many means are there?": {
        "the statistics are taken over the features of an example, not over the examples": [
            _forward(own=_axes(1)),
            _forward(own=_axes(1, True)),
        ],
        "one mean and one variance are taken over all features": [
            _forward(own=_axes(None)),
            _forward(own=_axes(None, True)),
        ],
    },
    "σ² is the mean square of x − μ.": {
        "the mean is not subtracted before x is squared for the variance": _forward(
            own=lambda x: (x.mean(0), (x**2).mean(0))
        ),
        "the sum of squares is not divided by m": _forward(
            own=lambda x: (x.mean(0), len(x) * x.var(0)), kept=lambda mean, var, m: (mean, var)
        ),
        "the standard deviation is taken for the variance": _forward(
            own=lambda x: (x.mean(0), x.std(0))
        ),
    },
    "What stands in the numerator of x̂?": {
        "μ is not subtracted from x": _using(lambda own, r, t: (0 * own[0], own[1] if t else r[1])),
        "μ is not subtracted from x in training": _using(
            lambda own, r, t: (0 * own[0], own[1]) if t else r
        ),
    },
    "The running statistics have the shape (D,), as gamma has: keepdims?": {
        "axes of length 1 are left": _forward(own=_axes(0, True)),
    },
}
IN_ONE_MODE = {
    hints: {
        f"{name}, {words}": _where(mode, **{habit: f})
        for name, f in named.items()
        for words, mode in (("in training", True), ("at test time", False))
    }
    for habit, table in (("root", ROOTS), ("output", OUTPUTS))
    for hints, named in table.items()
}
CORRECTED = (
    "Biased or unbiased: which variance is kept?",
    "The running variance gets m/(m − 1) times the biased one.",
)
KEPT = {
    CORRECTED: {
        "the running variance gets the biased variance": _forward(
            kept=lambda mean, var, m: (mean, var)
        ),
        "the running variance gets (m − 1)/m times the biased variance": _forward(
            kept=lambda mean, var, m: (mean, var * (m - 1) / m)
        ),
        "the running variance gets m/(m − 1) times an unbiased variance": _forward(
            kept=lambda mean, var, m: (mean, var * (m / (m - 1)) ** 2)
        ),
        "the running variance gets 1/(m − 1) of the biased variance": _forward(
            kept=lambda mean, var, m: (mean, var / (m - 1))
        ),
        "the whole running variance is multiplied by m/(m − 1), not only the batch's": _forward(
            kept=lambda mean, var, m: (mean, var),
            var=lambda old, new, alpha, training, m: (
                _follow(old, new, alpha, training, m) * (m / (m - 1) if training else 1)
            ),
        ),
    },
    "m is the number of examples, N.": {
        "m in m/(m − 1) is the number of features": _with_m(lambda x: x.shape[1]),
        "m in m/(m − 1) is N·D, not N": _with_m(np.size),
    },
    "What is kept is a variance: without ε, without a root.": {
        "the running variance gets the standard deviation": [
            _forward(kept=lambda mean, var, m: (mean, np.sqrt(var))),
            _forward(kept=lambda mean, var, m: (mean, np.sqrt(var * m / (m - 1)))),
        ],
    },
}


def _with_eps(x, gamma, beta, rm, rv, training, alpha=0.1, eps=1e-5):
    """ε in the running variance, added before the biased variance is corrected."""
    return _forward(kept=lambda mean, var, m: (mean, (var + eps) * m / (m - 1)))(
        x, gamma, beta, rm, rv, training, alpha, eps
    )


def _with_eps_behind(x, gamma, beta, rm, rv, training, alpha=0.1, eps=1e-5):
    return _forward(kept=lambda mean, var, m: (mean, var * m / (m - 1) + eps))(
        x, gamma, beta, rm, rv, training, alpha, eps
    )


UPDATES = {
    (MODES, "What the docstring calls updated is updated in one mode only."): {
        "the running {} is not updated": lambda old, new, alpha, training, m: old,
        "the running {} is updated at test time, too": (
            lambda old, new, alpha, training, m: _follow(old, new, alpha, True, m)
        ),
        "the running {} is updated at test time only": (
            lambda old, new, alpha, training, m: _follow(old, new, alpha, not training, m)
        ),
    },
    ("What does α weigh: the old or the new?", "r ← (1 − α) r + α · batch"): {
        "α weighs the old running {}, not the batch's": (
            lambda old, new, alpha, training, m: _follow(old, new, 1 - alpha, training, m)
        ),
        "the running {} is replaced by the batch's": (
            lambda old, new, alpha, training, m: _follow(old, new, 1, training, m)
        ),
        "the old running {} keeps its whole weight, without 1 − α": (
            lambda old, new, alpha, training, m: old + alpha * new if training else old
        ),
        "the batch's {} is added to the running one without α": (
            lambda old, new, alpha, training, m: (1 - alpha) * old + new if training else old
        ),
        "α is always 0.1 for the running {}": (
            lambda old, new, alpha, training, m: _follow(old, new, 0.1, training, m)
        ),
        "the batch's {} is subtracted": (
            lambda old, new, alpha, training, m: old - alpha * (new + old) if training else old
        ),
    },
}
FOLLOWED = [
    {
        hints: {name.format(word): _forward(**{habit: f}) for name, f in named.items()}
        for hints, named in UPDATES.items()
    }
    for habit, word in (("mean", "mean"), ("var", "variance"))
]
ADDED = {
    "What is kept is a variance: without ε, without a root.": {
        "the running variance gets σ² + ε": [_with_eps, _with_eps_behind],
    },
}
batch_norm = Oracle(
    _batch_norm,
    _mistakes(
        STATISTICS,
        IN_ONE_MODE,
        *_tables(_forward, root=ROOTS, output=OUTPUTS),
        KEPT,
        *FOLLOWED,
        ADDED,
    ),
    outputs=("y", "cache", "running_mean", "running_var"),
    extreme=("x",),
)


# --- the cache of tasks 1 and 4 ------------------------------------------------------------------

CACHES = {
    "the cache holds γ x̂ in place of x̂": lambda c: (_wide(c.gamma, c.x) * c.x_hat, c.gamma, c.root),
    "the cache holds x in place of x̂": lambda c: (c.x, c.gamma, c.root),
    "the cache holds x − μ in place of x̂": lambda c: (
        c.x_hat * _wide(c.root, c.x),
        c.gamma,
        c.root,
    ),
    "the cache holds y in place of x̂": lambda c: (c.y, c.gamma, c.root),
    "the cache holds σ², not the root": lambda c: (c.x_hat, c.gamma, c.root**2 - c.eps),
    "the cache holds σ² + ε, not its root": lambda c: (c.x_hat, c.gamma, c.root**2),
    "the cache holds σ without ε": lambda c: (c.x_hat, c.gamma, np.sqrt(c.root**2 - c.eps)),
    "the cache holds 1/root, not the root": lambda c: (c.x_hat, c.gamma, 1 / c.root),
    "x̂ in the cache has lost the shape of x": lambda c: (
        np.moveaxis(c.x_hat, 1, -1).reshape(-1, c.x.shape[1]),
        c.gamma,
        c.root,
    ),
    "gamma in the cache has axes of length 1": [
        lambda c: (c.x_hat, c.gamma[None], c.root),
        lambda c: (c.x_hat, c.gamma.reshape(1, -1, 1, 1), c.root),
        lambda c: (c.x_hat, c.gamma[:, None, None], c.root),
    ],
    "the root in the cache has axes of length 1": [
        lambda c: (c.x_hat, c.gamma, c.root.reshape(1, -1, 1, 1)),
        lambda c: (c.x_hat, c.gamma, c.root.reshape(1, -1)),
    ],
    "gamma and the root in the cache have axes of length 1": lambda c: (
        c.x_hat,
        c.gamma.reshape(1, -1, 1, 1),
        c.root.reshape(1, -1, 1, 1),
    ),
    "x̂, gamma and root stand in another order in the cache": [
        lambda c, order=order: tuple((c.x_hat, c.gamma, c.root)[i] for i in order)
        for order in itertools.permutations(range(3))
        if order != (0, 1, 2)
    ],
    "gamma is missing in the cache": lambda c: (c.x_hat, c.root),
}


def cached(runs, oracle):
    """Which mistake in the cache, where all of y is right, explains all of them; or ""."""
    wanted = [oracle.reference(*run.case.args) for run in runs]
    if any(run.error is not None or not isinstance(run.got, (tuple, list)) for run in runs):
        return ""
    if any(len(run.got) != len(want) for run, want in zip(runs, wanted, strict=True)):
        return ""
    if not all(same_values(run.got[0], want[0]) for run, want in zip(runs, wanted, strict=True)):
        return ""
    found = {
        name
        for name, makes in CACHES.items()
        for make in (makes if isinstance(makes, list) else [makes])
        if all(_holds(run, want, make, oracle) for run, want in zip(runs, wanted, strict=True))
    }
    return found.pop() if len(found) == 1 else ""


def _holds(run, want, make, oracle):
    named = dict(zip(oracle.parameters, run.case.args, strict=False))
    x_hat, gamma, root = want[1]
    told = SimpleNamespace(
        x=named["x"], y=want[0], x_hat=x_hat, gamma=gamma, root=root, eps=named.get("eps", 1e-5)
    )
    return same_values(run.got[1], make(told)) and not same_values(run.got[1], want[1])


# --- task 2: batch_norm_steps --------------------------------------------------------------------


def _batch_norm_steps(dy, x, gamma, eps=1e-5):
    _, cache = F.batch_norm(x, gamma, 0 * gamma, None, eps)
    dx, dgamma, dbeta = F.batch_norm_backward(dy, cache)
    back = gamma * cache.inverse
    return dgamma, dbeta, gamma * dy, -0.5 * back * cache.inverse * dgamma, -back * dbeta, dx


PATHS = ("x_hat", "var", "mu")


def _chain(paths=PATHS, own=lambda x: (x.mean(0), x.var(0)), root=_right_root, **changed):
    """`_batch_norm_steps`, whose later steps use what the earlier ones made.

    Args:
        paths: those on which something reaches dx.
        own: the statistics of a batch.
        root: what x − μ is divided by.
        changed: name of a gradient -> function of what is known so far; or name_to_x -> function
            that gives what reaches dx on that path.
    """

    def make(dy, x, gamma, eps=1e-5):
        mu, var = own(x)
        deviation = root(var, eps)
        v = SimpleNamespace(dy=dy, x=x, gamma=gamma, mu=mu, var=var, eps=eps, root=deviation)
        v.m, v.centred = len(x), x - mu
        v.x_hat = v.centred / v.root
        for name, right in CHAIN.items():
            setattr(v, name, changed.get(name, right)(v))
        shares = (changed.get(f"{path}_to_x", TO_X[path])(v) for path in paths)
        v.dx = changed.get("dx", lambda v: sum(shares))(v)
        return tuple(getattr(v, name) for name in NAMES)

    return make


CHAIN = {
    "dgamma": lambda v: np.einsum("nd,nd->d", v.dy, v.x_hat),
    "dbeta": lambda v: np.einsum("nd->d", v.dy),
    "dx_hat": lambda v: v.dy * v.gamma,
    "dvar": lambda v: np.einsum("nd,nd->d", v.dx_hat, v.x_hat) / (-2 * v.root**2),
    "dmu": lambda v: -np.einsum("nd->d", v.dx_hat) / v.root,
}
TO_X = {
    "x_hat": lambda v: v.dx_hat / v.root,
    "var": lambda v: v.dvar * (v.centred + v.centred) / v.m,
    "mu": lambda v: v.dmu / v.m + 0 * v.x,
}

SUMMED = "dgamma and dbeta have the shape (D,): over what is summed, and is anything divided?"
COLLECTED = (
    "How many arrows leave x in the graph?",
    "x goes into x̂, into μ and into σ²: dx is the sum of what comes back on all three ways.",
)
VARIANCE = "Differentiate (σ² + ε)^(−1/2) with respect to σ²."
STEPS = {
    SUMMED: {
        "every sum runs over the features": _chain(
            own=_axes(1, True),
            dgamma=lambda v: (v.dy * v.x_hat).sum(1, keepdims=True),
            dbeta=lambda v: v.dy.sum(1, keepdims=True),
            dvar=lambda v: (v.dx_hat * v.x_hat).sum(1, keepdims=True) / (-2 * v.root**2),
            dmu=lambda v: -v.dx_hat.sum(1, keepdims=True) / v.root,
        ),
        "dgamma is averaged over the batch": _chain(dgamma=lambda v: (v.dy * v.x_hat).mean(0)),
        "dbeta is averaged over the batch": _chain(dbeta=lambda v: v.dy.mean(0)),
        "dgamma is summed over the features": _chain(dgamma=lambda v: (v.dy * v.x_hat).sum(1)),
        "dbeta is summed over the features": _chain(dbeta=lambda v: v.dy.sum(1)),
        "dgamma is one number for all features": _chain(dgamma=lambda v: (v.dy * v.x_hat).sum()),
        "dbeta is one number for all features": _chain(dbeta=lambda v: v.dy.sum()),
        "dgamma is not summed": _chain(dgamma=lambda v: v.dy * v.x_hat),
        "dbeta is not summed": _chain(dbeta=lambda v: v.dy),
    }
    | {
        f"{name} has an axis of length 1 left": _chain(**{name: lambda v, f=f: f(v)[None]})
        for name, f in CHAIN.items()
        if name != "dx_hat"
    },
    ("By what is γ multiplied in y = γ x̂ + β?", "∂y/∂γ = x̂"): {
        "dgamma has x in place of x̂": _chain(dgamma=lambda v: (v.dy * v.x).sum(0)),
        "dgamma has x/√(σ² + ε) in place of x̂": _chain(
            dgamma=lambda v: (v.dy * v.x / v.root).sum(0)
        ),
        "dgamma has x − μ in place of x̂": _chain(dgamma=lambda v: (v.dy * v.centred).sum(0)),
        "dgamma is multiplied by γ": _chain(dgamma=lambda v: (v.dy * v.x_hat * v.gamma).sum(0)),
        "dgamma is the sum of dy alone": _chain(dgamma=lambda v: v.dy.sum(0)),
    },
    "y = γ x̂ + β: what is ∂y/∂β, what ∂y/∂x̂?": {
        "dbeta is multiplied by γ": _chain(dbeta=lambda v: (v.dy * v.gamma).sum(0)),
        "γ is missing: dy stands where dx_hat belongs": [
            _chain(dx_hat=lambda v: v.dy),
            _chain(dvar=lambda v: (v.dy * v.x_hat).sum(0) / (-2 * v.root**2)),
            _chain(dmu=lambda v: -v.dy.sum(0) / v.root),
            _chain(x_hat_to_x=lambda v: v.dy / v.root),
            _chain(
                dvar=lambda v: (v.dy * v.x_hat).sum(0) / (-2 * v.root**2),
                dmu=lambda v: -v.dy.sum(0) / v.root,
            ),
        ],
        "dx_hat is divided by γ": _chain(dx_hat=lambda v: v.dy / v.gamma),
        "dx_hat is divided by the root": _chain(
            dx_hat=lambda v: v.dy * v.gamma / v.root,
            dvar=lambda v: (v.dy * v.gamma * v.centred).sum(0) / (-2 * v.root**3),
            dmu=lambda v: -(v.dy * v.gamma).sum(0) / v.root,
            x_hat_to_x=lambda v: v.dy * v.gamma / v.root,
        ),
    },
    (VARIANCE, "The exponent goes down by one."): {
        "the exponent −3/2 in dvar is −1/2": _chain(
            dvar=lambda v: (v.dx_hat * v.centred).sum(0) / (-2 * v.root)
        ),
        "the exponent −3/2 in dvar is −1": _chain(
            dvar=lambda v: (v.dx_hat * v.centred).sum(0) / (-2 * v.root**2)
        ),
        "the exponent −3/2 in dvar is −3": _chain(
            dvar=lambda v: (v.dx_hat * v.centred).sum(0) / (-2 * v.root**6)
        ),
        "the exponent −3/2 in dvar is +3/2": _chain(
            dvar=lambda v: (v.dx_hat * v.centred).sum(0) * v.root**3 / -2
        ),
        "dvar is the gradient of the root, not of the variance": _chain(
            dvar=lambda v: 2 * v.root * CHAIN["dvar"](v)
        ),
        "ε is forgotten in dvar": _chain(
            dvar=lambda v: (v.dx_hat * v.centred).sum(0) / (-2 * v.var**1.5)
        ),
        "dvar has a factor 1/√(σ² + ε) too many": _chain(
            dvar=lambda v: (v.dx_hat * v.x_hat).sum(0) / (-2 * v.root**3)
        ),
        "x stands in place of x − μ in dvar": _chain(
            dvar=lambda v: (v.dx_hat * v.x).sum(0) / (-2 * v.root**3)
        ),
    },
    (VARIANCE, "A factor and a sign come down with the exponent."): {
        "the factor ½ in dvar is missing": _chain(dvar=lambda v: 2 * CHAIN["dvar"](v)),
        "dvar has the wrong sign": _chain(dvar=lambda v: -CHAIN["dvar"](v)),
        "the factor −½ in dvar is missing": _chain(dvar=lambda v: -2 * CHAIN["dvar"](v)),
        "dvar is averaged over the batch": _chain(dvar=lambda v: CHAIN["dvar"](v) / v.m),
        "dvar is summed over all features": _chain(
            dvar=lambda v: (v.dx_hat * v.centred).sum() / (-2 * v.root**3)
        ),
    },
    "x̂ = (x − μ)/√(σ² + ε): what is ∂x̂/∂μ?": {
        "dmu has the wrong sign": _chain(dmu=lambda v: -CHAIN["dmu"](v)),
        "dmu is not divided by the root": _chain(dmu=lambda v: -v.dx_hat.sum(0)),
        "dmu has a factor 1/√(σ² + ε) too many": _chain(dmu=lambda v: -v.dx_hat.sum(0) / v.root**2),
        "dmu is averaged over the batch": _chain(dmu=lambda v: CHAIN["dmu"](v) / v.m),
        "dmu is summed over all features": _chain(dmu=lambda v: -v.dx_hat.sum() / v.root),
        "the second term of dmu has x in place of x − μ": [
            _chain(dmu=lambda v, f=f: CHAIN["dmu"](v) + 2 * f(v) * v.dvar * v.mu)
            for f in (lambda v: -1, lambda v: 1, lambda v: -v.m, lambda v: v.m)
        ],
    },
    COLLECTED: {
        "mean and variance are taken for constants in dx": _chain(paths=("x_hat",)),
        "dx lacks what comes back through the variance": _chain(paths=("x_hat", "mu")),
        "dx lacks what comes back through the mean": _chain(paths=("x_hat", "var")),
        "dx lacks what comes back through x̂ itself": _chain(paths=("var", "mu")),
    },
    "σ² = (1/m) Σ (x − μ)²: what is ∂σ²/∂xᵢ?": {
        "the factor 2 is missing on the way through the variance": _chain(
            var_to_x=lambda v: v.dvar * v.centred / v.m
        ),
        "the 1/m is missing on the way through the variance": _chain(
            var_to_x=lambda v: 2 * v.dvar * v.centred
        ),
        "x stands in place of x − μ on the way through the variance": _chain(
            var_to_x=lambda v: 2 * v.dvar * v.x / v.m
        ),
        "x̂ stands in place of x − μ on the way through the variance": _chain(
            var_to_x=lambda v: 2 * v.dvar * v.x_hat / v.m
        ),
        "the way through the variance has the wrong sign": _chain(
            var_to_x=lambda v: -TO_X["var"](v)
        ),
        "m − 1 stands in place of m on the way through the variance": _chain(
            var_to_x=lambda v: TO_X["var"](v) * v.m / (v.m - 1)
        ),
    },
    "μ = (1/m) Σ x, and x̂ = (x − μ)/√(σ² + ε): what are ∂μ/∂xᵢ and ∂x̂ᵢ/∂xᵢ?": {
        "the 1/m is missing on the way through the mean": _chain(mu_to_x=lambda v: v.dmu + 0 * v.x),
        "the way through the mean has the wrong sign": _chain(mu_to_x=lambda v: -TO_X["mu"](v)),
        "dx has a factor 1/√(σ² + ε) too many": _chain(
            dx=lambda v: sum(TO_X[path](v) for path in PATHS) / v.root
        ),
        "dx_hat is not divided by the root on its way to dx": _chain(x_hat_to_x=lambda v: v.dx_hat),
        "dx_hat is divided by σ² + ε on its way to dx": _chain(
            x_hat_to_x=lambda v: v.dx_hat / v.root**2
        ),
        "the 1/m is missing on the ways through mean and variance": _chain(
            var_to_x=lambda v: 2 * v.dvar * v.centred, mu_to_x=lambda v: v.dmu + 0 * v.x
        ),
        "m is the number of features": _chain(
            var_to_x=lambda v: TO_X["var"](v) * v.m / v.x.shape[1],
            mu_to_x=lambda v: TO_X["mu"](v) * v.m / v.x.shape[1],
        ),
    },
    "Which statistics did the forward pass use?": {
        "the variance is the unbiased one": _chain(own=lambda x: (x.mean(0), x.var(0, ddof=1))),
        "the sum of squares is not divided by m": _chain(
            own=lambda x: (x.mean(0), len(x) * x.var(0))
        ),
        "the standard deviation is taken for the variance": _chain(
            own=lambda x: (x.mean(0), x.std(0))
        ),
        "the statistics are taken over the features of an example": [
            _chain(own=_axes(1, True)),
            _chain(own=_axes(1)),
        ],
    },
}
steps = Oracle(
    _batch_norm_steps,
    _mistakes(STEPS, *_tables(_chain, root={INSIDE: ROOTS[INSIDE]})),
    outputs=NAMES,
    extreme=("dy",),
)


def steps_of(runs):
    """`steps`, where a mistake in an earlier step explains dx only if that step was made so.

    A wrong sign of dmu, and of its share in dx, make the same dx: the dmu returned tells which.
    """

    def is_made(make, run):
        made, right = make(*run.case.args), steps.reference(*run.case.args)
        return all(
            same_values(mine, want) or same_values(got, mine)
            for mine, want, got in list(zip(made, right, run.got, strict=True))[:-1]
        )

    def apart(mistake):
        try:
            if all(is_made(mistake.make, run) for run in runs):
                return mistake
        except (TypeError, ValueError):  # six values did not come back, or the mistake raises
            return mistake
        return replace(mistake, make=lambda *args: (*mistake.make(*args)[:-1], None))

    return replace(steps, mistakes=tuple(map(apart, steps.mistakes)))


def in_order(function):
    """A function that returns the six gradients of a student's dict as a tuple, in order.

    None stands for one that the dict does not hold, so that the others can be looked at.
    """

    def call(*args):
        got = function(*args)
        return tuple(map(got.get, NAMES)) if isinstance(got, dict) else got

    return call


# --- tasks 3 and 5: batch_norm_backward and spatial_backward -------------------------------------


def _backward(dy, x_hat, gamma, root):
    _, cache = F.batch_norm(x_hat * _wide(root, dy), gamma, 0 * gamma, (0 * root, root**2), 0)
    dx, dgamma, dbeta = F.batch_norm_backward(dy, cache._replace(of_batch=True))
    return np.ascontiguousarray(dx), dgamma, dbeta


def _sums(dy, x_hat):
    """dgamma and dbeta, (C,)."""
    return tuple(a.sum(_over(a)) for a in (dy * x_hat, dy))


def _dx(put):
    """The right gradients, but dx as `put` puts it together from its parts, all in wide shapes."""

    def make(dy, x_hat, gamma, root):
        v = SimpleNamespace(dy=dy, x_hat=x_hat, m=dy[:, 0].size, shape=dy.shape)
        v.gamma, v.root = _wide(gamma, dy), _wide(root, dy)
        v.dgamma, v.dbeta = (_wide(each, dy) for each in _sums(dy, x_hat))
        return put(v) + 0 * dy, *_sums(dy, x_hat)

    return make


def _closed(v, m=None, mean=1, along=1):
    """dx with other weights of its parts."""
    m = v.m if m is None else m
    return v.gamma / v.root * (v.dy - mean * v.dbeta / m - along * v.x_hat * v.dgamma / m)


def _changed(which, change):
    """The right gradients, but one of them as `change(dy, x_hat, gamma, root)`."""

    def make(*args):
        right = _backward(*args)
        return *right[:which], change(*args), *right[which + 1 :]

    return make


def _summed(axes, left=False, of=None):
    """All three gradients, when the sums run over these axes only.

    Args:
        left: whether dgamma and dbeta keep them, with length 1.
        of: the axes whose sizes make m, where they are others.
    """

    def make(dy, x_hat, gamma, root):
        m = np.prod([dy.shape[axis] for axis in of or axes])
        sums = [np.sum(a, axes, keepdims=True) for a in (dy * x_hat, dy)]
        scale = _wide(gamma / root, dy)
        dx = scale * (dy - sums[1] / m - x_hat * sums[0] / m)
        return dx, *(sums if left else (s.squeeze(axes) for s in sums))

    return make


def _over_features(dy, x_hat, gamma, root):
    """With sums over the features that then are spread over the features, where NumPy can."""
    dgamma, dbeta = (a.sum(1) for a in (dy * x_hat, dy))
    return gamma / root * (dy - (dbeta + x_hat * dgamma) / len(dy)), dgamma, dbeta


SHARES = (
    "Three terms: dy itself, and what mean and variance take away from it.",
    "dy − dβ/m − x̂ · dγ/m",
)
CLOSED = {
    SHARES: {
        "mean and variance are taken for constants in dx": _dx(lambda v: _closed(v, 1, 0, 0)),
        "dx lacks what comes back through the mean": _dx(lambda v: _closed(v, mean=0)),
        "dx lacks what comes back through the variance": _dx(lambda v: _closed(v, along=0)),
        "x̂ is missing at dgamma/m in dx": _dx(
            lambda v: v.gamma / v.root * (v.dy - v.dbeta / v.m - v.dgamma / v.m)
        ),
        "dgamma and dbeta are swapped in dx": _dx(
            lambda v: v.gamma / v.root * (v.dy - v.dgamma / v.m - v.x_hat * v.dbeta / v.m)
        ),
        "the sign of dbeta/m is wrong in dx": _dx(lambda v: _closed(v, mean=-1)),
        "the sign of x̂ · dgamma/m is wrong in dx": _dx(lambda v: _closed(v, along=-1)),
        "the signs of both means are wrong in dx": _dx(lambda v: _closed(v, mean=-1, along=-1)),
        "x̂ is multiplied by dy in place of dgamma/m in dx": _dx(
            lambda v: v.gamma / v.root * (v.dy - v.dbeta / v.m - v.x_hat * v.dy / v.m)
        ),
    },
    "By what is each of the three terms divided?": {
        "dgamma and dbeta are not divided by m in dx": _dx(lambda v: _closed(v, 1)),
        "dbeta is not divided by m in dx": _dx(lambda v: _closed(v, mean=v.m)),
        "dgamma is not divided by m in dx": _dx(lambda v: _closed(v, along=v.m)),
        "dgamma and dbeta are divided by m twice in dx": _dx(lambda v: _closed(v, v.m**2)),
        "the 1/m before m · dy − dbeta − x̂ · dgamma is missing": _dx(lambda v: v.m * _closed(v)),
        "dy is divided by m, too": _dx(lambda v: _closed(v) / v.m),
        "dy is not multiplied by m before all is divided by it": _dx(
            lambda v: _closed(v) - v.gamma / v.root * v.dy * (1 - 1 / v.m)
        ),
        "m − 1 stands in place of m in dx": _dx(lambda v: _closed(v, v.m - 1)),
    },
    "γ / √(σ² + ε) stands before the bracket, once.": {
        "γ is missing in dx": _dx(lambda v: _closed(v) / v.gamma),
        "dx is not divided by the root": _dx(lambda v: _closed(v) * v.root),
        "γ is missing at dbeta in dx": _dx(lambda v: _closed(v, mean=1 / v.gamma)),
        "γ is missing at dgamma in dx": _dx(lambda v: _closed(v, along=1 / v.gamma)),
        "γ is missing at dbeta and dgamma in dx": _dx(
            lambda v: _closed(v, mean=1 / v.gamma, along=1 / v.gamma)
        ),
        "γ and the root stand at dy only in dx": _dx(
            lambda v: _closed(v, mean=v.root / v.gamma, along=v.root / v.gamma)
        ),
        "γ is a factor of dy twice in dx": _dx(
            lambda v: _closed(v) + v.gamma / v.root * v.dy * (v.gamma - 1)
        ),
        "1e-5 is added to the root, which holds ε already": _dx(
            lambda v: _closed(v) * v.root / (v.root + 1e-5)
        ),
        "γ is a factor of dx twice": _dx(lambda v: _closed(v) * v.gamma),
        "dx is divided by root², not by the root": _dx(lambda v: _closed(v) / v.root),
        "dx is divided by the root of the root": _dx(lambda v: _closed(v) * np.sqrt(v.root)),
        "dx is multiplied by the root, not divided": _dx(lambda v: _closed(v) * v.root**2),
    },
    "dgamma = Σ dy · x̂ and dbeta = Σ dy: sums, and no other factor.": {
        "dgamma is averaged over the batch": _changed(
            1, lambda dy, x_hat, *a: _sums(dy, x_hat)[0] / dy[:, 0].size
        ),
        "dbeta is averaged over the batch": _changed(
            2, lambda dy, x_hat, *a: _sums(dy, x_hat)[1] / dy[:, 0].size
        ),
        "dgamma is multiplied by γ": _changed(
            1, lambda dy, x_hat, gamma, root: gamma * _sums(dy, x_hat)[0]
        ),
        "dbeta is multiplied by γ": _changed(
            2, lambda dy, x_hat, gamma, root: gamma * _sums(dy, x_hat)[1]
        ),
        "dgamma has x − μ in place of x̂": _changed(
            1, lambda dy, x_hat, gamma, root: root * _sums(dy, x_hat)[0]
        ),
        "dgamma is divided by the root once more": _changed(
            1, lambda dy, x_hat, gamma, root: _sums(dy, x_hat)[0] / root
        ),
        "dgamma is the sum of dy alone": _changed(1, lambda dy, x_hat, *a: _sums(dy, x_hat)[1]),
        "dgamma is not summed": _changed(1, lambda dy, x_hat, *a: dy * x_hat),
        "dbeta is not summed": _changed(2, lambda dy, *a: dy),
    },
    "dgamma and dbeta have the shape of gamma: keepdims?": {
        f"{name} has axes of length 1 left": _changed(
            which,
            lambda dy, x_hat, *a, which=which: _wide(_sums(dy, x_hat)[which - 1], dy)[None],
        )
        for which, name in ((1, "dgamma"), (2, "dbeta"))
    },
}
ROWS = {
    "Over which index do the sums run?": {
        "the sums run over the features, not over the examples": [
            _over_features,
            *(_summed((1,), left, of) for left in (False, True) for of in ((1,), (0,))),
        ],
        "one sum is taken over all features": _summed((0, 1)),
    },
    "m is the number of examples.": {
        "m is the number of features": _dx(lambda v: _closed(v, v.shape[1])),
        "m is N·D, not N": _dx(lambda v: _closed(v, v.dy.size)),
    },
}
backward = Oracle(
    _backward,
    _mistakes(CLOSED, ROWS),
    outputs=("dx", "dgamma", "dbeta"),
    extreme=("dy",),
)


# --- task 4: spatial_batch_norm ------------------------------------------------------------------

ALL_PIXELS = (
    "How many values share one mean?",
    "A channel has one mean, over all images and all pixels.",
)
MOVED = "reshape keeps the order of the numbers in memory; transpose moves axes."


def _spatial(x, gamma, beta, eps=1e-5):
    y, seen = F.batch_norm(x, gamma, beta, None, eps)
    x_hat = F.batch_norm(x, None, None, None, eps)[0]
    return np.ascontiguousarray(y), (np.ascontiguousarray(x_hat), gamma, 1 / seen.inverse)


def _maps(axes=(0, 2, 3), ddof=0, root=_right_root, output=_right_output, centred=True):
    """`_spatial` with other habits; gamma and beta as (C, 1, 1) for `output`."""

    def make(x, gamma, beta, eps=1e-5):
        mean = x.mean(axes, keepdims=True) if centred else 0
        deviation = root(x.var(axes, keepdims=True, ddof=ddof), eps)
        x_hat = (x - mean) / deviation
        y = output(x_hat, _wide(gamma, x), _wide(beta, x))
        return y, (x_hat, gamma, deviation.squeeze(axes))

    return make


def _forced(x, *args, back):
    """With x.reshape(-1, C) where the channels were to be moved to the end.

    Args:
        back: whether the result is reshaped to that of x directly; else to (N, H, W, C), whose
            channels are moved back.
    """
    n, c, h, w = x.shape
    rows = x.reshape(-1, c)
    y, (x_hat, gamma, root) = _spatial(rows[:, :, None, None], *args)
    made = []
    for a in (y, x_hat):
        a = a.reshape(x.shape) if back else np.moveaxis(a.reshape(n, h, w, c), 3, 1)
        made.append(a)
    return made[0], (made[1], gamma, root)


def _brought(x, *args):
    """With x.reshape(C, -1) where the channels were to be brought to the front."""
    a = np.moveaxis(x.reshape(x.shape[1], -1), 0, 1)[:, :, None, None]
    y, (x_hat, gamma, root) = _spatial(a, *args)
    y, x_hat = (a[:, :, 0, 0].T.reshape(x.shape) for a in (y, x_hat))
    return y, (x_hat, gamma, root)


def _backed(x, gamma, beta, eps=1e-5):
    """Right as rows, but brought back by a reshape alone."""
    y, (x_hat, _, root) = _spatial(x, gamma, beta, eps)
    y, x_hat = (np.moveaxis(a, 1, 3).reshape(x.shape) for a in (y, x_hat))
    return y, (x_hat, gamma, root)


def _along_images(x, gamma, beta, eps=1e-5):
    """With gamma and beta along the first axis, where NumPy can."""
    _, (x_hat, _, root) = _spatial(x, gamma, beta, eps)
    lying = (a.reshape(-1, 1, 1, 1) for a in (gamma, beta))
    return _right_output(x_hat, *lying), (x_hat, gamma, root)


def _as_last(x, gamma, beta, eps=1e-5):
    """With channels on the last axis, where NumPy can."""
    mean, root = x.mean((0, 1, 2)), np.sqrt(x.var((0, 1, 2)) + eps)
    x_hat = (x - mean) / root
    return gamma * x_hat + beta, (x_hat, gamma, root)


def _of_variances(of):
    """With a variance that is put together from those of the images, or from their means."""

    def make(x, gamma, beta, eps=1e-5):
        root = np.sqrt(of(x) + eps)
        x_hat = (x - x.mean((0, 2, 3), keepdims=True)) / _wide(root, x)
        return x_hat * _wide(gamma, x) + _wide(beta, x), (x_hat, gamma, root)

    return make


def _along_width(output):
    """gamma and beta without the axes that put them along the channels."""

    def make(x, gamma, beta, eps=1e-5):
        _, (x_hat, _, root) = _spatial(x, gamma, beta, eps)
        return output(x_hat, gamma, beta) + 0 * x, (x_hat, gamma, root)

    return make


def _of_the_first(x, gamma, beta, eps=1e-5):
    """With the statistics of the first image for all of them."""
    mean, root = x[0].mean((1, 2)), np.sqrt(x[0].var((1, 2)) + eps)
    x_hat = (x - _wide(mean, x)) / _wide(root, x)
    return x_hat * _wide(gamma, x) + _wide(beta, x), (x_hat, gamma, root)


AXES = {
    ALL_PIXELS: {
        "every pixel has a mean of its own: m = N": _maps(axes=(0,)),
        "every image has means of its own: m = H·W": _maps(axes=(2, 3)),
        "all channels of an image share a mean": _maps(axes=(1, 2, 3)),
        "all channels share a mean": _maps(axes=(0, 1, 2, 3)),
        "the statistics are taken over the channels of a pixel": _maps(axes=(1,)),
        "every column has a mean of its own": _maps(axes=(0, 2)),
        "every row has a mean of its own": _maps(axes=(0, 3)),
        "the last axis is taken for that of the channels": _as_last,
    },
    MOVED: {
        "x.reshape(…, C) was used to move the channels to the end": [
            lambda *a: _forced(*a, back=True),
            lambda *a: _forced(*a, back=False),
        ],
        "x.reshape(C, …) was used to bring the channels to the front": _brought,
        "reshape alone was used to bring the channels back": _backed,
    },
    "gamma has one value for each channel: along which axis do they lie?": {
        "gamma and beta lie along the width, not along the channels": _along_width(
            lambda x_hat, gamma, beta: gamma * x_hat + beta
        ),
        "gamma lies along the width, not along the channels": _along_width(
            lambda x_hat, gamma, beta: gamma * x_hat + beta[:, None, None]
        ),
        "gamma and beta lie along the images, not along the channels": _along_images,
        "beta lies along the width, not along the channels": _along_width(
            lambda x_hat, gamma, beta: gamma[:, None, None] * x_hat + beta
        ),
    },
    ("The mean of all is the mean of the images' means.", "Is the variance theirs, too?"): {
        "the variance is the mean of the images' variances": _of_variances(
            lambda x: x.var((2, 3)).mean(0)
        ),
        "the variance is that of the images' means": _of_variances(lambda x: x.mean((2, 3)).var(0)),
    },
    "σ² is a mean of squares.": {
        "the sum of squares is not divided by m": _of_variances(
            lambda x: x.var((0, 2, 3)) * x[:, 0].size
        ),
        "the sum of squares is divided by N, not by N·H·W": _of_variances(
            lambda x: x.var((0, 2, 3)) * x[0, 0].size
        ),
        "the mean is not subtracted before x is squared for the variance": _of_variances(
            lambda x: (x**2).mean((0, 2, 3))
        ),
    },
    "The result has four axes, also for one image or one channel.": {
        "axes of length 1 are dropped": lambda x, *a: (
            _spatial(x, *a)[0].squeeze(),
            _spatial(x, *a)[1],
        ),
    },
    "Biased or unbiased: which variance normalises?": {
        "x is normalised with the unbiased variance": _maps(ddof=1),
    },
    "What stands in the numerator of x̂?": {"μ is not subtracted from x": _maps(centred=False)},
    "Every image of the batch counts.": {
        "the statistics are those of the first image alone": _of_the_first,
    },
}
spatial = Oracle(
    _spatial,
    _mistakes(AXES, *_tables(_maps, root=ROOTS, output=OUTPUTS)),
    outputs=("y", "cache"),
    batch=("x",),
    extreme=("x",),
)


# --- task 5: spatial_backward --------------------------------------------------------------------


def _rows(change):
    """All three gradients of rows (N·H·W, C) that `change` makes of dy and x̂, and brings back."""

    def make(dy, x_hat, gamma, root):
        there, back = change(dy)
        dx, *sums = _backward(there(dy), there(x_hat), gamma, root)
        return back(dx), *sums

    return make


def _to_the_end(dy):
    return lambda a: a.reshape(-1, dy.shape[1]), lambda a: a.reshape(dy.shape)


def _to_the_end_and_back(dy):
    n, c, h, w = dy.shape
    return lambda a: a.reshape(-1, c), lambda a: np.moveaxis(a.reshape(n, h, w, c), 3, 1)


def _only_back(dy):
    c = dy.shape[1]
    return lambda a: np.moveaxis(a, 1, 3).reshape(-1, c), lambda a: a.reshape(dy.shape)


def _only_back_from_the_front(dy):
    c = dy.shape[1]
    return lambda a: np.moveaxis(a, 1, 3).reshape(-1, c), lambda a: a.T.reshape(dy.shape)


def _to_the_front(dy):
    return lambda a: a.reshape(dy.shape[1], -1).T, lambda a: a.T.reshape(dy.shape)


def _scaled_along_width(dy, x_hat, gamma, root):
    """dx with gamma and root as they come, which NumPy lays along the last axis."""
    _, *sums = _backward(dy, x_hat, gamma, root)
    bare = _backward(dy, x_hat, gamma / gamma, root / root)[0]
    return gamma / root * bare, *sums


PIXELS = {
    ALL_PIXELS: {
        "the sums run over the images only, for every pixel": _summed((0,)),
        "the sums run over the pixels only, for every image": _summed((2, 3)),
        "the sums run over all channels, too": _summed((0, 1, 2, 3)),
        "the sums run over the channels": _summed((1,)),
        "the sums run over channels and pixels, for every image": _summed((1, 2, 3)),
    },
    ("m is how many values share a mean.", "How many values has a channel in the whole batch?"): {
        "m is N, not N·H·W": _dx(lambda v: _closed(v, v.shape[0])),
        "m is H·W, not N·H·W": _dx(lambda v: _closed(v, v.shape[2] * v.shape[3])),
        "m is N·C·H·W, not N·H·W": _dx(lambda v: _closed(v, v.dy.size)),
        "m is C, not N·H·W": _dx(lambda v: _closed(v, v.shape[1])),
        "m is N·H, not N·H·W": _dx(lambda v: _closed(v, v.shape[0] * v.shape[2])),
        "m is N·C, not N·H·W": _dx(lambda v: _closed(v, v.shape[0] * v.shape[1])),
        "m is N·H·H, not N·H·W": _dx(lambda v: _closed(v, v.shape[0] * v.shape[2] ** 2)),
        "m is H, not N·H·W": _dx(lambda v: _closed(v, v.shape[2])),
    },
    "gamma and root have one value for each channel: along which axis do they lie?": {
        "gamma and root lie along the width, not along the channels": _scaled_along_width,
    },
    MOVED: {
        "reshape(…, C) was used to move the channels to the end": [
            _rows(_to_the_end),
            _rows(_to_the_end_and_back),
        ],
        "reshape alone was used to bring the channels of dx back": [
            _rows(_only_back),
            _rows(_only_back_from_the_front),
        ],
        "reshape(C, …) was used to bring the channels to the front": _rows(_to_the_front),
    },
}
spatial_backward = Oracle(
    _backward,
    _mistakes(CLOSED, PIXELS),
    outputs=("dx", "dgamma", "dbeta"),
    extreme=("dy",),
)


# --- task 6: fold --------------------------------------------------------------------------------


def _fold(w, b, gamma, beta, mean, var, eps=1e-5):
    rows = w.reshape(len(w), -1).T  # one example for each input, one feature for each output
    bias = 0 * beta if b is None else b
    scaled = F.batch_norm(rows, gamma, None, (0 * mean, var), eps)[0]
    return scaled.T.reshape(w.shape), F.batch_norm(bias[None], gamma, beta, (mean, var), eps)[0][0]


def _right_scale(gamma, var, eps):
    return gamma / np.sqrt(var + eps)


def _folded(
    scale=_right_scale,
    scale_of_bias=_right_scale,
    weights=lambda w, s: w * s.reshape(-1, *(1,) * (w.ndim - 1)),
    bias=lambda b, s, mean, beta: s * (b - mean) + beta,
):
    """`_fold` with other habits.

    Args:
        scale, scale_of_bias: s, as the weights meet it and as the bias does.
        weights: how they are.
        bias: the new one.
    """

    def make(w, b, gamma, beta, mean, var, eps=1e-5):
        b = 0 * mean if b is None else b
        new = bias(b, scale_of_bias(gamma, var, eps), mean, beta)
        return weights(w, scale(gamma, var, eps)), new

    return make


def _along(matrix, kernel):
    """Mistakes about the axis of w along which s lies: of a matrix, and of kernels."""
    words = [f"axis {matrix} of a matrix"] * bool(matrix) + [f"axis {kernel} of kernels"] * bool(
        kernel
    )
    name = f"s lies along {' and '.join(words)}, not along axis 0"

    def weights(w, s):
        axis = matrix if w.ndim == 2 else kernel
        return w * s.reshape(-1, *(1,) * (w.ndim - 1 - axis))

    return {name: _folded(weights=weights)}


DIVIDED = ("By what does the normalisation divide?", "s = γ / √(var + ε)")
LINES = "y = s (W x + b − mean) + β: multiply out. What stands without x?"
SCALES = {
    "s is γ/(var + ε), without the root": lambda g, v, eps: g / (v + eps),
    "s is γ/var, without the root and without ε": lambda g, v, eps: g / v,
    "ε is forgotten": lambda g, v, eps: g / np.sqrt(v),
    "ε stands outside the root": lambda g, v, eps: g / (np.sqrt(v) + eps),
    "ε is added twice": lambda g, v, eps: g / np.sqrt(v + 2 * eps),
    "ε is always 1e-5": lambda g, v, eps: g / np.sqrt(v + 1e-5),
    "ε is a lower bound of the variance": lambda g, v, eps: g / np.sqrt(np.maximum(v, eps)),
    "γ is missing in s": lambda g, v, eps: 1 / np.sqrt(v + eps),
    "s is γ times the root": lambda g, v, eps: g * np.sqrt(v + eps),
    "1/s stands in place of s": lambda g, v, eps: np.sqrt(v + eps) / g,
}
FOLDS = {
    DIVIDED: {name: _folded(scale=scale) for name, scale in SCALES.items()}
    | {f"in the bias, {name}": _folded(scale_of_bias=scale) for name, scale in SCALES.items()},
    LINES: {
        "the layer's own bias is left out": _folded(bias=lambda b, s, mean, beta: beta - s * mean),
        "the layer's own bias is not scaled": _folded(
            bias=lambda b, s, mean, beta: b - s * mean + beta
        ),
        "the mean is left out": _folded(bias=lambda b, s, mean, beta: s * b + beta),
        "the mean is not scaled": _folded(bias=lambda b, s, mean, beta: s * b - mean + beta),
        "the mean is added": _folded(bias=lambda b, s, mean, beta: s * (b + mean) + beta),
        "bias and mean have changed signs": _folded(
            bias=lambda b, s, mean, beta: s * (mean - b) + beta
        ),
        "β is left out": _folded(bias=lambda b, s, mean, beta: s * (b - mean)),
        "β is scaled, too": _folded(bias=lambda b, s, mean, beta: s * (b - mean + beta)),
        "β is subtracted": _folded(bias=lambda b, s, mean, beta: s * (b - mean) - beta),
        "neither bias nor mean are scaled": _folded(bias=lambda b, s, mean, beta: b - mean + beta),
        "the bias stays as it was": _folded(bias=lambda b, s, mean, beta: b),
        "the bias is only scaled": _folded(bias=lambda b, s, mean, beta: s * b),
        "the new bias is β": _folded(bias=lambda b, s, mean, beta: beta),
    },
    ("Each output has its own s: on which axis of w do the outputs lie?", "w is (F, …)."): {
        "the weights are not scaled": _folded(weights=lambda w, s: w.copy()),
        "one s is taken for all outputs": _folded(weights=lambda w, s: w * s[0]),
    }
    | {
        name: make
        for axes in itertools.product((0, 1), (0, 1, 2, 3))
        if any(axes)
        for name, make in _along(*axes).items()
    },
    (
        "What is b where the layer has none?",
        "No bias is a bias of zeros; the folded layer has one.",
    ): {
        "a layer without a bias gets the bias β": lambda w, b, gamma, beta, *a: (
            (_fold(w, b, gamma, beta, *a)[0], beta) if b is None else _fold(w, b, gamma, beta, *a)
        ),
        "a layer without a bias gets the bias 0": lambda w, b, gamma, beta, *a: (
            (_fold(w, b, gamma, beta, *a)[0], 0 * beta)
            if b is None
            else _fold(w, b, gamma, beta, *a)
        ),
    },
}
fold = Oracle(
    _fold,
    _mistakes(FOLDS),
    outputs=("the weights", "the bias"),
    extreme=("w",),
)


def refuses_one(runs):
    """Whether a ValueError is raised for each single example, and for no larger batch."""
    return all(isinstance(run.error, ValueError) == (len(run.case.args[0]) == 1) for run in runs)


def needs_a_bias(task, function, cases):
    """Whether a TypeError is raised just where `b` is None, and not with a bias of zeros."""
    with_zeros = [(w, 0 * gamma, gamma, *rest) for w, _, gamma, *rest in cases]
    without, zeros = task.runs(function, cases), task.runs(function, with_zeros)
    return all(isinstance(run.error, TypeError) for run in without) and not any(
        isinstance(run.error, TypeError) for run in zeros
    )
