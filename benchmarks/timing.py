"""Time and memory of candidates that are measured in turn, in one run."""

from __future__ import annotations

import gc
import math
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping

Candidates = Mapping[str, Callable[[], object]]


class Times:
    """CPU times of several candidates, in seconds.

    Args:
        samples: for each candidate, its times; the i-th of all of them were taken one after the
            other.
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


def interleaved(candidates: Candidates, seconds: float = 2.0, rounds: int = 7) -> Times:
    """Run all candidates in turn, for at least so many rounds and so many seconds.

    Times are of this thread's CPU (`time.thread_time`), after one unmeasured round.
    """
    samples = {name: [] for name in candidates}
    for run in candidates.values():
        run()
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds or len(_any(samples)) < rounds:
            for name, run in candidates.items():
                before = time.thread_time()
                run()
                samples[name].append(time.thread_time() - before)
    finally:
        gc.enable()
    return Times(samples)


def _any(samples):
    return next(iter(samples.values()))


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
