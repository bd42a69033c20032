"""Learning rates that change: each schedule is one pure function of the step.

Every function has the form `schedule(t, lr, ...) -> rate`: t counts the updates made before, so it
is 0 for the first, and lr is the rate that the schedule starts from or rises to. Where `total` is
given, the rate stays at its end after that many steps.

    rate = schedules.named("cosine", lr=0.1, total=1000)  # a function of t alone
    fit(..., callbacks=[Schedule(rate)])                  # from convnets.steering
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from functools import partial

from convnets.arrays import number

Rate = Callable[[int], float]


def constant(t: int, lr: float) -> float:
    """lr at every step: the baseline.

    >>> constant(1000, lr=0.1)
    0.1
    """
    (lr,) = _read(t, lr=lr)
    return lr


def step(t: int, lr: float, every: int, factor: float = 0.1) -> float:
    """lr · factor^⌊t / every⌋: the same rate for a while, then a drop.

    Args:
        t: updates made before, >= 0.
        lr: rate of the first `every` steps, >= 0.
        every: steps between drops, >= 1.
        factor: what each drop multiplies by, in (0, 1].

    >>> [step(t, lr=1.0, every=10) for t in (0, 9, 10)]
    [1.0, 1.0, 0.1]
    """
    lr, every, factor = _read(t, lr=lr, every=every, factor=factor)
    return lr * factor ** (t // every)


def exponential(t: int, lr: float, factor: float, every: int = 1) -> float:
    """lr · factor^(t / every): the same share less at each step.

    Args:
        t, lr, factor: as for `step`.
        every: steps in which the rate falls by `factor`, >= 1; the steps of an epoch, for a factor
            per epoch.

    >>> round(exponential(100, lr=1.0, factor=0.97), 4)
    0.0476
    """
    lr, every, factor = _read(t, lr=lr, every=every, factor=factor)
    return lr * factor ** (t / every)


def exp(t: int, lr: float, k: float) -> float:
    """lr · e^(−k t): `exponential` with the factor e^(−k).

    Args:
        t, lr: as for `step`.
        k: decay per step, >= 0.

    >>> round(exp(10, lr=1.0, k=0.1), 4)
    0.3679
    """
    lr, k = _read(t, lr=lr, k=k)
    return lr * math.exp(-k * t)


def inverse(t: int, lr: float, k: float) -> float:
    """lr / (1 + k t), "1/t": falls fast at first, then ever more slowly, and never ends.

    Args:
        t, lr: as for `step`.
        k: >= 0; after 1/k steps the rate is halved.

    >>> inverse(100, lr=1.0, k=0.01)
    0.5
    """
    lr, k = _read(t, lr=lr, k=k)
    return lr / (1 + k * t)


def square_root(t: int, lr: float, total: int) -> float:
    """lr · √(1 − t / total): slow at first, ever faster towards zero.

    Args:
        t, lr: as for `step`.
        total: steps until the rate is zero, >= 1.

    >>> square_root(75, lr=1.0, total=100)
    0.5
    """
    lr, total = _read(t, lr=lr, total=total)
    return lr * math.sqrt(1 - _share(t, total))


def linear(t: int, lr: float, total: int, end: float = 0.0) -> float:
    """From lr to `end` along a straight line.

    Args:
        t, lr: as for `step`.
        total: steps until `end`, >= 1.
        end: rate from then on, >= 0.

    >>> linear(75, lr=1.0, total=100)
    0.25
    """
    lr, total, end = _read(t, lr=lr, total=total, end=end)
    return lr + (end - lr) * _share(t, total)


def cosine(t: int, lr: float, total: int, end: float = 0.0) -> float:
    """end + (lr − end) · (1 + cos(π t / total)) / 2: flat, falling, flat.

    Args:
        t, lr, total, end: as for `linear`.
    Reference: Loshchilov and Hutter 2017, "SGDR", arXiv:1608.03983.

    >>> [round(cosine(t, lr=1.0, total=100), 3) for t in (0, 50, 100)]
    [1.0, 0.5, 0.0]
    """
    lr, total, end = _read(t, lr=lr, total=total, end=end)
    return _half_cosine(lr, end, _share(t, total))


def warm_restarts(t: int, lr: float, period: int, growth: int = 1, end: float = 0.0) -> float:
    """`cosine` over and over, each time from lr: SGDR.

    Args:
        t, lr, end: as for `cosine`.
        period: steps until the first restart, >= 1.
        growth: how many times longer each period is than the one before, an integer >= 1.
    Reference: Loshchilov and Hutter 2017, "SGDR", arXiv:1608.03983.

    >>> [round(warm_restarts(t, lr=1.0, period=10, growth=2), 3) for t in (0, 5, 10, 20, 30)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    lr, period, growth, end = _read(t, lr=lr, period=period, growth=growth, end=end)
    while t >= period:
        t, period = t - period, period * growth
        if growth == 1:
            t %= period
    return _half_cosine(lr, end, t / period)


def warm_up(t: int, lr: float, steps: int) -> float:
    """lr · min(1, (t + 1) / steps): rises along a line, then lr.

    Args:
        t: as for `step`.
        lr: >= 0; may be what another schedule gives for t, to put a warm-up before it:
            `warm_up(t, cosine(t, 0.1, 1000), steps=50)`.
        steps: of the rise, >= 1.
    Reference: Goyal et al. 2017, "Accurate, large minibatch SGD", arXiv:1706.02677.

    >>> [warm_up(t, lr=1.0, steps=4) for t in (0, 1, 3, 9)]
    [0.25, 0.5, 1.0, 1.0]
    """
    lr, steps = _read(t, lr=lr, steps=steps)
    return lr * min(1.0, (t + 1) / steps)


def one_cycle(
    t: int, lr: float, total: int, rise: float = 0.3, start: float = 25.0, end: float = 1e4
) -> float:
    """Along half a cosine from lr / start up to lr, then along another down to lr / start / end.

    The top is at step rise · total − 1 and the bottom at total − 1, as in PyTorch's OneCycleLR.

    Args:
        t: as for `step`.
        lr: the highest rate, >= 0.
        total: steps in all, >= 2.
        rise: share of them until the top, in (0, 1).
        start, end: how many times smaller the first rate is than lr, and the last than the first;
            both >= 1.
    Reference: Smith and Topin 2019, "Super-convergence", arXiv:1708.07120.

    >>> [round(one_cycle(t, lr=1.0, total=100), 4) for t in (0, 29, 99)]
    [0.04, 1.0, 0.0]
    """
    lr, total, rise, start, end = _read(t, lr=lr, total=total, rise=rise, start=start, end=end)
    if total < 2 or start < 1 or end < 1:
        raise ValueError(
            f"one_cycle needs total >= 2, start >= 1 and end >= 1, but they are {total!r}, "
            f"{start!r} and {end!r}; try one_cycle(t, lr, total=1000)."
        )
    top, last, first = rise * total - 1, total - 1, lr / start
    if t <= top:
        return _half_cosine(first, lr, t / top)
    return _half_cosine(lr, first / end, min(1.0, (t - top) / (last - top)))


def curriculum_dropout(t: int, keep_prob: float, gamma: float) -> float:
    """(1 − keep_prob) · e^(−γ t) + keep_prob: dropout that begins with everything kept.

    No learning rate, but the probability to keep, for `convnets.dropping.KeepSchedule`.

    Args:
        t: as for `step`.
        keep_prob: what it falls to, in (0, 1].
        gamma: γ, decay per step, >= 0; the paper takes 10 / steps of the training.
    Reference: Morerio et al. 2017, "Curriculum Dropout", arXiv:1703.06229.

    >>> [round(curriculum_dropout(t, keep_prob=0.5, gamma=0.01), 3) for t in (0, 100, 1000)]
    [1.0, 0.684, 0.5]
    """
    keep_prob, gamma = _read(t, keep_prob=keep_prob, gamma=gamma)
    return (1 - keep_prob) * math.exp(-gamma * t) + keep_prob


SCHEDULES = {
    function.__name__: function
    for function in (
        *(constant, step, exponential, exp, inverse, square_root),
        *(linear, cosine, warm_restarts, warm_up, one_cycle),
    )
}


def named(name: str, **settings) -> Rate:
    """The schedule of that name with all its settings but the step: a function of t.

    Raises:
        ValueError: there is no such schedule, or a setting is out of its range.
        TypeError: settings that it does not have, or lacks.

    >>> rate = named("step", lr=0.1, every=100)
    >>> rate(0)
    0.1
    """
    if name not in SCHEDULES:
        close = difflib.get_close_matches(str(name), SCHEDULES, n=1, cutoff=0.5)
        meant = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(f"unknown schedule {name!r}: {meant}there are {', '.join(SCHEDULES)}.")
    rate = partial(SCHEDULES[name], **{key: number(value) for key, value in settings.items()})
    rate(0)
    return rate


def _share(t: int, total: int) -> float:
    return min(1.0, t / total)


def _half_cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


# What each setting must be, in words and as a test.
_RANGES = {
    "lr": ("a finite number >= 0", lambda v: math.isfinite(v) and v >= 0, 0.1),
    "end": ("a finite number >= 0", lambda v: math.isfinite(v) and v >= 0, 0),
    "start": ("a finite number >= 1", lambda v: math.isfinite(v) and v >= 1, 25),
    "gamma": ("a finite number >= 0", lambda v: math.isfinite(v) and v >= 0, 0.001),
    "keep_prob": ("a number in (0, 1]", lambda v: 0 < v <= 1, 0.5),
    "k": ("a finite number >= 0", lambda v: math.isfinite(v) and v >= 0, 0.001),
    "factor": ("a number in (0, 1]", lambda v: 0 < v <= 1, 0.1),
    "rise": ("a number in (0, 1)", lambda v: 0 < v < 1, 0.3),
    **dict.fromkeys(
        ("every", "total", "period", "growth", "steps"),
        ("an integer >= 1", lambda v: v >= 1 and v == int(v), 10),
    ),
}


def _read(t: int, **settings) -> list:
    """The settings as plain numbers, each in its range; t is checked too."""
    if isinstance(t, bool) or not t >= 0:
        raise ValueError(f"t must be a number of steps >= 0, but is {t!r}; the first step has 0.")
    values = []
    for name, given in settings.items():
        wanted, allowed, example = _RANGES[name]
        value = number(given)
        if isinstance(value, bool | str) or not _holds(allowed, value):
            raise ValueError(f"{name} must be {wanted}, but is {given!r}; try {example}.")
        values.append(value)
    return values


def _holds(allowed: Callable, value) -> bool:
    try:
        return bool(allowed(value))
    except (TypeError, ValueError, OverflowError):
        return False
