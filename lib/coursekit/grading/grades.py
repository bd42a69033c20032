"""What grading one submission found out, as plain data that can be stored and sent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class CheckGrade:
    """One check of a question.

    Attributes:
        name: as students read it.
        points: what it is worth.
        passed: whether it earned them.
        hidden: whether students see only its name and hint.
        kind: why it failed, one of `coursekit.checks.findings.KINDS`; "" where it passed.
        looks_like: the known mistake its result equals, or "".
    """

    name: str
    points: float
    passed: bool
    hidden: bool = False
    kind: str = ""
    looks_like: str = ""


@dataclass(frozen=True)
class QuestionGrade:
    """One graded cell.

    Attributes:
        name: its grade id.
        points: what was earned; None where a person has to decide.
        most: what could be earned.
        checks: those that ran, in order.
        seconds: wall-clock time of the question.
        stopped_by: "time", "memory", "output", "crash" or "protocol" where it was cut short.
        note: what went wrong besides failed checks, in words for the assistant, or "".
    """

    name: str
    points: float | None
    most: float
    checks: tuple[CheckGrade, ...] = ()
    seconds: float = 0.0
    stopped_by: str = ""
    note: str = ""


@dataclass(frozen=True)
class Grade:
    """One submission.

    Attributes:
        questions: in the notebook's order.
        notes: what went wrong outside the questions, in words for the assistant.
        seconds: wall-clock time in all.
        sandboxed: False where student code ran without the sandbox.
    """

    questions: tuple[QuestionGrade, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    sandboxed: bool = True
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """Points so far, without what a person has yet to decide."""
        return sum(q.points for q in self.questions if q.points is not None)

    @property
    def all_notes(self) -> tuple[str, ...]:
        """What went wrong, each with the question or cell it is about."""
        return *self.notes, *(f"{q.name}: {q.note}" for q in self.questions if q.note)

    def to_json(self) -> str:
        """This grade as text; `from_json` reads it.

        >>> grade = Grade((QuestionGrade("test_f", 1.0, 2.0, (CheckGrade("a", 1.0, True),)),))
        >>> Grade.from_json(grade.to_json()) == grade
        True
        """
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Grade:
        """The grade in a text that `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            data = json.loads(text)
            data["questions"] = tuple(
                QuestionGrade(**{**q, "checks": tuple(CheckGrade(**c) for c in q["checks"])})
                for q in data["questions"]
            )
            data["notes"] = tuple(data["notes"])
            return cls(**data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a stored grade: {error!r}") from error
