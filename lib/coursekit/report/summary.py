"""The figures of the report, from the records of a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from coursekit.grading.grades import CheckGrade
from coursekit.grading.results import Status
from coursekit.report import statistics
from coursekit.report.records import ClassRecord, Record


@dataclass(frozen=True)
class CheckSummary:
    """One check over the class.

    Attributes:
        ran: students for whom it ran.
        failing: share of them that it failed; None if it never ran.
        kind: the commonest reason, or "".
    """

    name: str
    hidden: bool
    ran: int
    failing: float | None
    kind: str


@dataclass(frozen=True)
class QuestionSummary:
    """One question over the class.

    Attributes:
        share: mean points / most points, over those with points.
        discrimination: corrected item–total correlation, or None.
        why: why discrimination is None, in words; else "".
        median, slow: 50 % and 95 % quantile of its wall-clock seconds; None if never timed.
        stopped: students for whom it was cut short.
        open: students for whom it waits for a person.
    """

    name: str
    most: float
    share: float | None
    discrimination: float | None
    why: str
    median: float | None
    slow: float | None
    stopped: int
    open: int
    checks: tuple[CheckSummary, ...]


@dataclass(frozen=True)
class MistakeSummary:
    """A known mistake that checks recognised: in which question, and for how many students."""

    name: str
    question: str
    students: int
    share: float


def totals(records: ClassRecord) -> list[float]:
    """Points of everyone whose submission could be read."""
    return [record.total for record in _readable(records)]


def statuses(records: ClassRecord) -> dict[str, int]:
    """How many of each status, in the order of `Status`, those that handed nothing in included."""
    counts = Counter(record.status for record in records.records)
    counts[Status.MISSING] += records.missing
    return {str(status): counts[status] for status in Status}


def seconds(records: ClassRecord) -> list[float]:
    """Wall-clock seconds of every submission that was judged."""
    return [r.grade.seconds for r in records.records if r.grade.seconds]


def mean(values: list[float]) -> float | None:
    """The mean; None for no values."""
    return fmean(values) if values else None


def questions(records: ClassRecord) -> list[QuestionSummary]:
    """Every question, in the notebook's order, over the submissions that could be read."""
    readable = _readable(records)
    points = [record.points for record in readable]
    decided = _decided(records.questions, points)
    return [
        _question(name, most, readable, points, decided) for name, most in records.questions.items()
    ]


def mistakes(records: ClassRecord) -> list[MistakeSummary]:
    """Recognised mistakes, the commonest first; each counts once for a student and question.

    Shares are of the submissions that could be read.
    """
    readable = _readable(records)
    made = Counter(found for record in readable for found in set(_recognised(record)))
    found = [MistakeSummary(m, q, count, count / len(readable)) for (m, q), count in made.items()]
    return sorted(found, key=lambda m: (-m.students, m.question, m.name))


def flagged(records: ClassRecord) -> list[Record]:
    """Submissions a person should look at: the unreadable, then those with reasons, by name."""
    odd = [r for r in records.records if r.reasons or r.status != Status.GRADED]
    return sorted(odd, key=lambda r: (r.status != Status.UNREADABLE, r.student))


def _readable(records: ClassRecord) -> list[Record]:
    return [record for record in records.records if record.status != Status.UNREADABLE]


def _decided(questions: Mapping[str, float], points: list[dict[str, float | None]]) -> list[str]:
    """Questions with points for every student: only these make totals that can be compared."""
    return [name for name in questions if all(p.get(name) is not None for p in points)]


def _question(
    name: str,
    most: float,
    readable: list[Record],
    points: list[dict[str, float | None]],
    decided: list[str],
) -> QuestionSummary:
    marked = [each for each in points if each.get(name) is not None]
    own = [each[name] for each in marked]
    others = [other for other in decided if other != name]
    totals = [each[name] + sum(each[other] for other in others) for each in marked]
    value = statistics.discrimination(own, totals)
    entries = [q for record in readable for q in record.grade.questions if q.name == name]
    times = [entry.seconds for entry in entries if entry.seconds]
    return QuestionSummary(
        name=name,
        most=most,
        share=statistics.mean_share(own, most),
        discrimination=value,
        why="" if value is not None else _why_undefined(own, others),
        median=statistics.quantile(times, 0.5),
        slow=statistics.quantile(times, 0.95),
        stopped=sum(bool(entry.stopped_by) for entry in entries),
        open=sum(name in record.open for record in readable),
        checks=tuple(_checks([entry.checks for entry in entries])),
    )


def _why_undefined(own: list[float], others: list[str]) -> str:
    if len(own) < 3:
        return "fewer than three marked"
    if len(set(own)) == 1:
        return "all got the same"
    return "all got the same elsewhere" if others else "no other question is marked for everybody"


def _checks(runs: list[tuple[CheckGrade, ...]]) -> Iterator[CheckSummary]:
    by_name: dict[str, list[CheckGrade]] = {}
    for run in runs:
        for check in run:
            by_name.setdefault(check.name, []).append(check)
    for name, results in by_name.items():
        kinds = Counter(check.kind for check in results if not check.passed and check.kind)
        failed = sum(not check.passed for check in results)
        yield CheckSummary(
            name,
            any(check.hidden for check in results),
            len(results),
            failed / len(results),
            kinds.most_common(1)[0][0] if kinds else "",
        )


def _recognised(record: Record) -> Iterator[tuple[str, str]]:
    for question in record.grade.questions:
        for check in question.checks:
            if check.looks_like:
                yield check.looks_like, question.name
