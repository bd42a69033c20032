"""How far grading is: a live bar on a terminal, a few lines in a log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

LINES = 10  # in a log

Show = Callable[[int, int, str], None]  # how many are done, of these anew, and counts in words


class Arriving(Protocol):
    """What is shown: a student's grade, or a page of feedback."""

    @property
    def status(self) -> StrEnum:
        """What became of it."""

    @property
    def fresh(self) -> bool:
        """False where an earlier one still holds."""


Each = TypeVar("Each", bound=Arriving)


def watched(
    results: Iterable[Each], assignment: str, total: int, console: Console
) -> Iterator[Each]:
    """The same results, shown as they arrive: how many, time left, how many of each status.

    Args:
        total: how many there will be.
        console: a terminal gets two lines that are drawn anew, a log no more than `LINES` lines.
    """
    counts: Counter[StrEnum] = Counter()
    again = 0
    shown = _live if console.is_terminal else _logged
    with shown(assignment, total, console) as show:
        for done, result in enumerate(results, 1):
            counts[result.status] += 1
            again += not result.fresh
            show(done, done - again, _spelt(counts, again))
            yield result


def _spelt(counts: Counter[StrEnum], again: int) -> str:
    """Such as "7 graded, 1 unreadable (3 as before)"."""
    statuses = type(next(iter(counts)))  # in the order in which they are defined
    each = ", ".join(f"{counts[status]} {status}" for status in statuses if counts[status])
    return f"{each} ({again} as before)" if again else each


def _left(elapsed: float, fresh: int, remaining: int) -> str:
    """Time left if the rest takes as long as what was graded anew; what was known took none.

    >>> _left(10.0, 5, 100), _left(1.0, 0, 100), _left(1.0, 0, 0)
    ('0:03:20', '-:--:--', '0:00:00')
    """
    if remaining and not fresh:
        return "-:--:--"
    return str(timedelta(seconds=round(elapsed * remaining / max(fresh, 1))))


class _LeftColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """The time left, in one cell."""
        left = _left(task.elapsed or 0.0, task.fields["fresh"], round(task.remaining or 0))
        return Text(left, style="progress.remaining")


@contextmanager
def _live(assignment: str, total: int, console: Console) -> Iterator[Show]:
    columns = TextColumn("{task.description}", markup=False), BarColumn(16), MofNCompleteColumn()
    times = TimeElapsedColumn(), TextColumn("left"), _LeftColumn()
    bar, counts = Progress(*columns, *times), Text()
    task = bar.add_task(assignment, total=total, fresh=0)

    def show(done: int, fresh: int, spelt: str) -> None:
        bar.update(task, completed=done, fresh=fresh)
        counts.plain = spelt

    with Live(Group(bar, counts), console=console):
        yield show


@contextmanager
def _logged(assignment: str, total: int, console: Console) -> Iterator[Show]:
    start = time.monotonic()

    def show(done: int, fresh: int, spelt: str) -> None:
        if done * LINES // total == (done - 1) * LINES // total:
            return
        left = _left(time.monotonic() - start, fresh, total - done)
        line = f"{assignment}: {done} of {total}, {left} left: {spelt}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    yield show
