"""What the gradebook holds for a whole class, read with few queries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from coursekit import extras

with extras.named():
    from nbgrader.api import (
        BaseCell,
        Gradebook,
        MissingEntry,
        SubmittedAssignment,
        SubmittedNotebook,
    )
    from nbgrader.api import Grade as Entry


@dataclass(frozen=True)
class Mark:
    """One question of one student.

    Attributes:
        points: automatic or manual, extra credit included; None where nobody has decided yet.
        open: whether a person should still look at it.
    """

    points: float | None
    open: bool


@dataclass(frozen=True)
class Standing:
    """One student's result in one assignment.

    Attributes:
        student: id in the gradebook.
        points: after the late penalty, never below 0; None where nothing was handed in.
        penalty: points taken off for lateness.
        open: whether manual grading is still to be done.
        lms_id: the student's number in a learning management system, or "".
    """

    student: str
    points: float | None
    penalty: float = 0.0
    open: bool = False
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""

    @property
    def name(self) -> str:
        """First and last name, or the id where the gradebook has neither."""
        return f"{self.first_name} {self.last_name}".strip() or self.student


def marks(gradebook: Gradebook, assignment: str) -> dict[str, dict[str, Mark]]:
    """Student -> graded cell -> mark, for everyone whose submission is in the gradebook."""
    rows = (
        gradebook.db.query(
            SubmittedAssignment.student_id,
            BaseCell.name,
            Entry.auto_score,
            Entry.manual_score,
            Entry.extra_credit,
            Entry.needs_manual_grade,
        )
        .select_from(Entry)
        .join(SubmittedNotebook, Entry.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(BaseCell, Entry.cell_id == BaseCell.id)
        .filter(SubmittedAssignment.assignment.has(name=assignment))
    )
    found: dict[str, dict[str, Mark]] = defaultdict(dict)
    for student, cell, auto, manual, extra, needed in rows:
        points = auto if manual is None else manual
        total = None if points is None else points + (extra or 0.0)
        found[student][cell] = Mark(total, bool(needed) or points is None)
    return dict(found)


def standings(gradebook: Gradebook, assignment: str) -> tuple[list[Standing], float]:
    """Every student of the gradebook, by id, and the most points of the assignment.

    Raises:
        KeyError: the gradebook does not know the assignment; the message lists those it knows.
    """
    try:
        entry = gradebook.find_assignment(assignment)
    except MissingEntry:
        known = ", ".join(sorted(a.name for a in gradebook.assignments)) or "none"
        raise KeyError(
            f"The gradebook has no assignment {assignment!r}; it has: {known}."
        ) from None
    submissions = {each.student_id: each for each in entry.submissions}
    found = []
    for student in sorted(gradebook.students, key=lambda each: each.id):
        handed_in = submissions.get(student.id)
        penalty = (handed_in.late_submission_penalty or 0.0) if handed_in else 0.0
        points = max(0.0, handed_in.score - penalty) if handed_in else None
        found.append(
            Standing(
                student.id,
                points,
                penalty,
                bool(handed_in and handed_in.needs_manual_grade),
                student.first_name or "",
                student.last_name or "",
                student.email or "",
                student.lms_user_id or "",
            )
        )
    return found, entry.max_score
