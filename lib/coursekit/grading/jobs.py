"""What is sent to whoever grades, and what comes back: everything by value."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from coursekit.checks.inputs import PUBLISHED
from coursekit.grading.grades import Grade
from coursekit.sandbox import Limits

GRACE = 120.0  # seconds that the tests themselves may take besides the student's code


class MaterialError(Exception):
    """A cell of the course itself did not run; the message says which and why."""


@dataclass(frozen=True)
class Start:
    """What a grading process can begin with before it knows more.

    Attributes:
        modules: what the assignment imports.
        confined: whether rooms are closed by Bubblewrap.
        rooms: whether there is anything to judge; without rooms, submissions are only read.
    """

    modules: tuple[str, ...] = ()
    confined: bool = True
    rooms: bool = True


@dataclass(frozen=True)
class Material:
    """An assignment, ready to be graded on any machine that has this library.

    Attributes:
        source: text of the notebook with solutions and hidden tests.
        release: text of the notebook that students were given.
        beside: files beside the source: name -> content.
        given: files that students were given beside the notebook: name -> content.
        limits: of a room.
        start: what was needed before all this.
        secret: of the class, from which hidden checks draw; no room is told.
    """

    source: str
    release: str
    beside: dict[str, bytes] = field(default_factory=dict)
    given: dict[str, bytes] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    start: Start = field(default_factory=Start)
    secret: str = field(default=PUBLISHED, repr=False)

    @property
    def seconds(self) -> float:
        """After which a submission is given up."""
        return self.limits.notebook_seconds + GRACE


@dataclass(frozen=True)
class Earlier:
    """What is known of a submission from an earlier grading.

    Attributes:
        answers: hash of the student's cells.
        stale: tests that have changed since. Where the answers are the same, only these are judged.
    """

    answers: str
    stale: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Job:
    """One submission to be graded.

    Attributes:
        name: file name of the notebook, as students were given it.
        folder: what was handed in; "" where it has been read.
        text: the rebuilt notebook, where it has been read.
        known: from an earlier grading, or None.
    """

    name: str
    folder: str = ""
    text: str = ""
    known: Earlier | None = None


@dataclass(frozen=True)
class Read:
    """What a folder holds.

    Attributes:
        files: its fingerprint.
        answers: hash of the student's cells.
        notes: what was mended or is wrong.
        readable: whether there is anything to grade.
    """

    files: str = ""
    answers: str = ""
    notes: tuple[str, ...] = ()
    readable: bool = True


@dataclass(frozen=True)
class Graded:
    """What came of one submission.

    Attributes:
        grade: of the questions that were judged.
        notebook: text of the notebook as it was run.
    """

    grade: Grade
    notebook: str


@dataclass(frozen=True)
class JobResult:
    """What came of one job.

    Attributes:
        read: None where it had been read before.
        outcome: `Graded`, or the exception that came instead; None where nothing was to be judged.
        text: the rebuilt notebook, where submissions are only read.
    """

    read: Read | None = None
    outcome: Graded | Exception | None = None
    text: str = ""


def handed_out(control: socket.socket) -> int | None:
    """The next descriptor that is sent to a grading process; None where there are no more."""
    message, ends, _, _ = socket.recv_fds(control, 1, 1)
    return ends[0] if message else None
