"""What is sent to whoever grades, and what comes back: everything by value."""

from __future__ import annotations

from dataclasses import dataclass, field

from coursekit.grading.grades import Grade
from coursekit.sandbox import Limits

GRACE = 120.0  # seconds that the tests themselves may take besides the student's code


class PaperError(Exception):
    """A cell of the course itself did not run; the message says which and why."""


@dataclass(frozen=True)
class Paper:
    """An assignment, ready to be graded on any machine that has this library.

    Attributes:
        source: text of the notebook with solutions and hidden tests.
        release: text of the notebook that students were given.
        beside: files beside the source: name -> content.
        given: files that students were given beside the notebook: name -> content.
        limits: of a room.
    """

    source: str
    release: str
    beside: dict[str, bytes] = field(default_factory=dict)
    given: dict[str, bytes] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @property
    def seconds(self) -> float:
        """After which a submission is given up."""
        return self.limits.notebook_seconds + GRACE


@dataclass(frozen=True)
class Graded:
    """What came of one submission: its grade, and the text of the notebook as it was run."""

    grade: Grade
    notebook: str
