"""A time limit for trusted code that runs in this process."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = 5.0  # seconds after which code that has caught the first exception gets another


class TooLong(BaseException):
    """Raised in code that runs for too long; no `except Exception` on the way keeps it."""


@contextmanager
def at_most(seconds: float | None) -> Iterator[None]:
    """Raise `TooLong` in what runs within, after some time.

    There is no limit outside of the main thread and on systems that have no such clock.

    Args:
        seconds: of wall-clock time; None for no limit.
    """
    here = threading.current_thread() is threading.main_thread()
    if seconds is None or not here or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_signal, _frame) -> None:
        raise TooLong(f"still running after {seconds:g} s")

    start, before = time.monotonic(), signal.signal(signal.SIGALRM, stop)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:  # somebody else's clock goes on
            left = max(left - (time.monotonic() - start), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
