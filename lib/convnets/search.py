"""Random search for hyperparameters, coarse to fine: many short runs, then fewer longer ones.

def score(lr, weight_decay, epochs):        # a number, the larger the better
    model = ...
    sgd = SGD(model.parameters(), lr=lr, weight_decay=weight_decay)
    history = fit(model, sgd, train, val, epochs=epochs, callbacks=[QuitEarly(3)], ...)
    return history.val_accuracy[-1]

found = coarse_to_fine(score, {"lr": (1e-5, 1), "weight_decay": (1e-6, 1e-2)}, rng=0)
print(found)            # every trial, the best first
found.best.settings
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convnets.arrays import number
from convnets.random import generator
from convnets.run import DivergenceError

Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Trial:
    """One run of a search.

    Attributes:
        settings: what was drawn, by name.
        score: the larger the better; NaN where the run was given up.
        stage: 0 for the coarse search, 1 for the next, ...
        seconds: it took.
        quit: why it was given up; "" if it was not.
    """

    settings: dict[str, float]
    score: float
    stage: int
    seconds: float
    quit: str = ""

    def __str__(self) -> str:
        drawn = "  ".join(f"{name} {value:.2e}" for name, value in self.settings.items())
        return f"stage {self.stage}  {drawn}  {'quit' if self.quit else f'{self.score:.4f}'}"


@dataclass(frozen=True)
class Search:
    """What a search tried, in the order in which it did.

    Attributes:
        trials: all of them, those that were given up too.
        ranges: from which each stage drew.
        interrupted: whether the user ended it.
    """

    trials: tuple[Trial, ...]
    ranges: tuple[dict[str, tuple[float, float]], ...]
    interrupted: bool = False

    @property
    def best(self) -> Trial:
        """The best trial of the last stage that had one; later stages are trained for longer.

        Raises:
            ValueError: every trial was given up.
        """
        for stage in reversed(range(len(self.ranges))):
            finished = [t for t in ranked(self.trials) if t.stage == stage and not t.quit]
            if finished:
                return finished[0]
        raise ValueError(
            f"none of the {len(self.trials)} trials came to its end; search smaller rates."
        )

    def __str__(self) -> str:
        return "\n".join(map(str, ranked(self.trials)))


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The best first, later stages before earlier ones; those that were given up come last."""
    return sorted(trials, key=lambda t: (bool(t.quit), -t.stage, -t.score if not t.quit else 0.0))


def log_uniform(low: float, high: float, rng: int | np.random.Generator, size: int | None = None):
    """Numbers whose logarithm is uniform: as many from 0.001 to 0.01 as from 0.01 to 0.1.

    x = 10^u,   u ~ U[log₁₀ low, log₁₀ high)

    Args:
        low, high: 0 < low <= high.
        rng: seed or generator.
        size: how many; one float where None.
    Returns:
        A float, or an array (size,), float64.
    Raises:
        ValueError: bounds that are not positive, or the wrong way round.

    >>> 1e-5 <= log_uniform(1e-5, 1e-1, rng=0) <= 1e-1
    True
    """
    low, high = _bounds("range", (low, high))
    drawn = 10 ** generator(rng).uniform(math.log10(low), math.log10(high), size)
    return float(drawn) if size is None else drawn


def random_search(
    score: Callable[..., float],
    ranges: Ranges,
    trials: int,
    rng: int | np.random.Generator = 0,
    *,
    stage: int = 0,
    **fixed,
) -> Search:
    """Try settings drawn log-uniformly, each independently of the others.

    A trial that raises DivergenceError, as `convnets.steering.QuitEarly` does, is given up and the
    search goes on. An interrupt ends the search; what was found until then is returned.

    Args:
        score: called with the settings by name, and with `fixed`; the larger the better. A NaN
            counts as given up.
        ranges: name → (low, high), both > 0.
        trials: how many, >= 1.
        rng: seed or generator; the settings are drawn before the first trial, so they do not
            depend on how the trials go.
        stage: what the trials are called.
        fixed: handed to `score` as they are, as epochs=5.
    Raises:
        ValueError: no ranges, bounds that make no sense, or no trials.

    >>> found = random_search(lambda lr: -abs(math.log10(lr) + 2), {"lr": (1e-5, 1)}, 50)
    >>> 0.003 < found.best.settings["lr"] < 0.03
    True
    """
    bounds = _read(ranges)
    if isinstance(trials, bool) or number(trials) < 1:
        raise ValueError(f"trials must be at least 1, but is {trials!r}.")
    rng = generator(rng)
    drawn = [
        {name: log_uniform(*limits, rng) for name, limits in bounds.items()} for _ in range(trials)
    ]
    done: list[Trial] = []
    try:
        for settings in drawn:
            done.append(_tried(score, settings, stage, fixed))
    except KeyboardInterrupt:
        print(f"interrupted after {len(done)} of {trials} trials; those are returned.")
        return Search(tuple(done), (bounds,), interrupted=True)
    return Search(tuple(done), (bounds,))


def _tried(score: Callable, settings: dict, stage: int, fixed: dict) -> Trial:
    started = time.perf_counter()
    try:
        value, reason = float(score(**settings, **fixed)), ""
    except DivergenceError as error:
        value, reason = math.nan, str(error)
    if math.isnan(value):
        reason = reason or "the score was not a number"
    return Trial(settings, value, stage, time.perf_counter() - started, reason)


def narrowed(trials: Sequence[Trial], ranges: Ranges, keep: int = 3, margin: float = 2.0) -> dict:
    """Ranges around the best trials: from their smallest value / margin to their largest · margin.

    Args:
        trials: of one stage.
        ranges: from which they were drawn; the new ones stay inside, since nothing was seen beyond.
        keep: how many of the best count, >= 1.
        margin: >= 1.
    Raises:
        ValueError: every trial was given up.

    >>> trials = [Trial({"lr": lr}, lr, 0, 0.0) for lr in (0.01, 0.02, 0.04)]
    >>> narrowed(trials, {"lr": (0.001, 1.0)}, keep=2)
    {'lr': (0.01, 0.08)}
    """
    if keep < 1 or margin < 1:
        raise ValueError(f"keep and margin must be >= 1, but are {keep!r} and {margin!r}.")
    good = [trial for trial in ranked(trials) if not trial.quit][:keep]
    if not good:
        raise ValueError(f"none of the {len(trials)} trials came to its end; search smaller rates.")
    new = {}
    for name, (low, high) in _read(ranges).items():
        values = [trial.settings[name] for trial in good]
        new[name] = (max(low, min(values) / margin), min(high, max(values) * margin))
    return new


def coarse_to_fine(
    score: Callable[..., float],
    ranges: Ranges,
    stages: Sequence[tuple[int, int]] = ((20, 1), (20, 5)),
    rng: int | np.random.Generator = 0,
    *,
    keep: int = 3,
) -> Search:
    """Random search in stages: each draws from the ranges of the best of the one before.

    Args:
        score: called as `score(epochs=..., **settings)`; see `random_search`.
        ranges: name → (low, high) of the first stage.
        stages: (trials, epochs) of each.
        rng: seed or generator.
        keep: how many trials decide where the next stage looks.
    Raises:
        ValueError: arguments that make no sense, or a stage of which every trial was given up.

    >>> found = coarse_to_fine(lambda lr, epochs: -abs(math.log10(lr) + 2), {"lr": (1e-6, 1)})
    >>> len(found.trials), 0.005 < found.best.settings["lr"] < 0.02
    (40, True)
    """
    if not stages:
        raise ValueError("there are no stages; give for example stages=((20, 1), (20, 5)).")
    rng, bounds = generator(rng), _read(ranges)
    done, seen = [], []
    for stage, (trials, epochs) in enumerate(stages):
        if stage:
            bounds = narrowed([t for t in done if t.stage == stage - 1], bounds, keep)
        part = random_search(score, bounds, trials, rng, stage=stage, epochs=epochs)
        done += part.trials
        seen.append(bounds)
        if part.interrupted:
            return Search(tuple(done), tuple(seen), interrupted=True)
    return Search(tuple(done), tuple(seen))


def _read(ranges: Ranges) -> dict[str, tuple[float, float]]:
    if not ranges:
        raise ValueError('there is nothing to search; give for example {"lr": (1e-5, 1)}.')
    return {name: _bounds(name, limits) for name, limits in ranges.items()}


def _bounds(name: str, limits: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (float(number(limit)) for limit in limits)
    except (TypeError, ValueError):
        low = high = math.nan
    if not 0 < low <= high < math.inf:
        raise ValueError(
            f"{name} must be a pair (low, high) with 0 < low <= high, but is {limits!r}; "
            "a logarithm needs positive bounds, as (1e-5, 1)."
        )
    return low, high
