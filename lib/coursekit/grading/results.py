"""What grading found out, as a table on the screen and as a file for a spreadsheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from coursekit import files


class Status(StrEnum):
    """What became of a submission."""

    GRADED = "graded"
    ATTENTION = "needs attention"  # graded, but a person should look
    UNREADABLE = "unreadable"  # handed in, no points: nothing in it could be graded
    MISSING = "missing"  # not handed in


@dataclass(frozen=True)
class Result:
    """One student's submission of one assignment.

    Args:
        notes: what was repaired or went wrong, in words.
        scores: graded cell -> points; None where a person has to decide.
        seconds: how long it took.
        fresh: False where an earlier grade still holds.
        changed: why an earlier grade no longer held: "answers", "tests", "library", "secret" …
        before: graded cell -> points of that earlier grade.
    """

    student: str
    assignment: str
    status: Status
    notes: tuple[str, ...] = ()
    scores: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0
    fresh: bool = True
    changed: tuple[str, ...] = ()
    before: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Points so far, without what a person has yet to decide."""
        return sum(score for score in self.scores.values() if score is not None)


def table(results: Sequence[Result], questions: Mapping[str, float]) -> Table:
    """Students × questions, for a rich console; the questions are numbered and named below.

    Args:
        results: of one assignment.
        questions: graded cell -> the most it can earn.
    """
    grid = Table(title=results[0].assignment if results else None, caption_justify="left")
    grid.add_column("student", no_wrap=True)
    for number, most in enumerate(questions.values(), 1):
        grid.add_column(f"{number}\n[dim]/{most:g}[/dim]", justify="right")
    grid.add_column(f"total\n[dim]/{sum(questions.values()):g}[/dim]", justify="right")
    grid.add_column("status", no_wrap=True)
    for result in results:
        points = [_shown(result, name) for name in questions]
        grid.add_row(escape(result.student), *points, f"{result.total:g}", result.status)
    names = [name.removeprefix("test_") for name in questions]
    grid.caption = ", ".join(f"{number} {name}" for number, name in enumerate(names, 1))
    return grid


def _shown(result: Result, question: str) -> str:
    if question not in result.scores:
        return "–"
    score = result.scores[question]
    return "?" if score is None else f"{score:g}"


def summary(results: Sequence[Result]) -> str:
    """One line: how many of each status."""
    counts = Counter(result.status for result in results)
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])


def differences(results: Sequence[Result]) -> list[str]:
    """Who gained and who lost because something of the course has changed, one line each."""
    again = [result for result in results if result.changed and "answers" not in result.changed]
    if not again:
        return []
    why = ", ".join(sorted({name for result in again for name in result.changed}))
    lines = [f"{len(again)} graded again because of changed {why}."]
    gains = {result.student: _gains(result) for result in again}
    lines += _listed("gained", {name: gain for name, gain in gains.items() if _sum(gain) > 0})
    lines += _listed("lost", {name: gain for name, gain in gains.items() if _sum(gain) < 0})
    even = {name: gain for name, gain in gains.items() if gain and not _sum(gain)}
    return lines + (_listed("changed, with the same total", even) if even else [])


def _listed(word: str, gains: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [f"{len(gains)} {word}", *(f"  {who}: {_spelt(gain)}" for who, gain in gains.items())]


def _sum(gain: Mapping[str, float]) -> float:
    return round(sum(gain.values()), 6)  # what is less is rounding


def _gains(result: Result) -> dict[str, float]:
    """Graded cell -> how its points have changed, where they have."""
    gains = {
        name: round(score - result.before[name], 6)
        for name, score in result.scores.items()
        if score is not None and name in result.before
    }
    return {name: gain for name, gain in gains.items() if gain}


def _spelt(gain: Mapping[str, float]) -> str:
    each = ", ".join(f"{name.removeprefix('test_')} {by:+g}" for name, by in gain.items())
    return f"{_sum(gain):+g} ({each})"


def write_csv(results: Sequence[Result], path: Path) -> Path:
    """Write one row per student and assignment; the columns are the questions of all of them."""
    questions = list(dict.fromkeys(name for result in results for name in result.scores))
    header = ["student", "assignment", "status", "total", *questions, "notes"]
    return files.write_csv(path, [header, *(_csv_row(result, questions) for result in results)])


def _csv_row(result: Result, questions: Sequence[str]) -> list[str]:
    points = [_csv_cell(result.scores.get(name)) for name in questions]
    who, notes = files.harmless(result.student), files.harmless("; ".join(result.notes))
    return [who, result.assignment, result.status, f"{result.total:g}", *points, notes]


def _csv_cell(score: float | None) -> str:
    return "" if score is None else f"{score:g}"
