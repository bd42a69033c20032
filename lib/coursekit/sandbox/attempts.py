"""Several calls of one function in one message: what each gave or raised, on both sides."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from coursekit.checks.cases import kept
from coursekit.sandbox.errors import WireError, rebuilt

SECONDS = 2.0  # after which the rest is left to another message, so that limits hold for each


def made(function: Callable, cases: Sequence[tuple], report: Callable) -> list[tuple[str, Any]]:
    """In the room: ("value", result) or ("error", report) of the first calls, one at least."""
    end, done = time.monotonic() + SECONDS, []
    for args in cases:
        try:
            done.append(("value", kept(function(*args))))
        except BaseException as error:
            done.append(("error", report(error)))
        if time.monotonic() > end:
            break
    return done


def read(said: Any, most: int) -> list[tuple[Any, Exception | None]]:
    """In the judge: (result, None) or (None, exception) of each.

    Raises:
        WireError: there are none or more than `most`, or one makes no sense.
    """
    if not isinstance(said, list) or not 0 < len(said) <= most:
        raise WireError("what came of several calls makes no sense.")
    return [_read(each) for each in said]


def _read(said: Any) -> tuple[Any, Exception | None]:
    match said:
        case ("value", value):
            return value, None
        case ("error", dict() as report):
            return None, rebuilt(report)
    raise WireError("what came of one of several calls makes no sense.")
