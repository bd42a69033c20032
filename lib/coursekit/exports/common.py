"""Whose points go into an export, and what an export leaves behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from coursekit.scores import Standing

LeftOut = tuple[tuple[str, str], ...]  # (student, why)


class ExportError(ValueError):
    """Nothing could be exported; the message says why and what to try."""


@dataclass(frozen=True)
class Gradesheet:
    """The grades of one assignment that are ready to leave.

    Attributes:
        students: each with points that are not None.
        most: what could be earned.
        left_out: the others, and why.
    """

    assignment: str
    students: tuple[Standing, ...]
    most: float
    left_out: LeftOut = ()


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes:
        written: students in it.
        left_out: students of the gradebook that are not in it, and why.
        unknown: names in the roster that the gradebook does not know.
        advice: how to import it, in a sentence.
    """

    path: Path
    written: int
    left_out: LeftOut
    unknown: tuple[str, ...]
    advice: str


def select(
    assignment: str,
    standings: Iterable[Standing],
    most: float,
    *,
    unfinished: bool = False,
    missing_as_zero: bool = False,
) -> Gradesheet:
    """Those whose grade is known; see `coursekit.exports.export` for the arguments.

    Raises:
        ExportError: there are none.
    """
    ready, left_out = [], []
    for each in standings:
        if each.points is None and missing_as_zero:
            ready.append(replace(each, points=0.0))
        elif each.points is None:
            left_out.append((each.student, "handed nothing in"))
        elif each.open and not unfinished:
            left_out.append((each.student, "manual grading is open"))
        else:
            ready.append(each)
    if not ready:
        counts = ", ".join(f"{who}: {why}" for who, why in left_out[:5]) or "it has no students"
        raise ExportError(f"The gradebook has no finished grade of {assignment} ({counts}).")
    return Gradesheet(assignment, tuple(ready), most, tuple(left_out))


def number(points: float) -> str:
    """Points as every system reads them: a decimal point, no exponent, four places at most.

    >>> number(7.0), number(2 / 3), number(1234.5)
    ('7', '0.6667', '1234.5')
    """
    return f"{points:.4f}".rstrip("0").rstrip(".")
