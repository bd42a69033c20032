"""Time and memory of candidates that are measured in turn, in one run."""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

Candidates = Mapping[str, Callable[[], object]]
Item = TypeVar("Item")


class Times:
    """Times of several candidates, in seconds.

    Args:
        samples: for each candidate, its times; the i-th of all of them were taken in one round.
    """

    def __init__(self, samples: Mapping[str, list[float]]):
        self.samples = samples

    def best(self, name: str) -> float:
        """The shortest time of a candidate: the one that others on the machine disturbed least."""
        return min(self.samples[name])

    def ratio(self, name: str, peer: str) -> float:
        """Best time of `name` over best time of `peer`."""
        return self.best(name) / self.best(peer)

    def median_ratio(self, name: str, peer: str) -> float:
        """Median over the rounds of the ratio within the round."""
        rounds = zip(self.samples[name], self.samples[peer], strict=True)
        return statistics.median(a / b for a, b in rounds)


def interleaved(
    candidates: Candidates, seconds: float = 2.0, rounds: int = 7, clock=time.thread_time
) -> Times:
    """Run all candidates in each round, in random order: what one leaves in caches and in the heap
    helps or harms the next, and should not always be the same one.

    Args:
        candidates: functions by name.
        seconds: least wall-clock time of all rounds together.
        rounds: least number of rounds, after an unmeasured one.
        clock: by default the CPU time of this thread, which others on the machine hardly change.
    """
    samples = {name: [] for name in candidates}
    for run in candidates.values():
        run()
    with _no_collection():
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds or len(_any(samples)) < rounds:
            for name in random.sample(list(candidates), len(candidates)):
                before = clock()
                candidates[name]()
                samples[name].append(clock() - before)
    return Times(samples)


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _any(samples):
    return next(iter(samples.values()))


def in_random_order(items: Sequence[Item], measure: Callable[[Item], object]) -> list:
    """`measure` of each item, called in random order; the results in the order of the items."""
    order = random.sample(range(len(items)), len(items))
    results = {i: measure(items[i]) for i in order}
    return [results[i] for i in range(len(items))]


def peak_bytes(forward: Callable[[], object], backward: Callable[[object], object]) -> int:
    """Peak of the NumPy memory that is alive during `backward(forward())`.

    What forward keeps for backward counts; arrays made before it, such as the image, do not.
    """
    tracemalloc.start()
    try:
        kept = forward()
        tracemalloc.reset_peak()
        backward(kept)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def geometric_mean(values: Iterable[float]) -> float:
    """exp of the mean logarithm: a ratio and its inverse average to one."""
    return math.exp(statistics.fmean(map(math.log, values)))
