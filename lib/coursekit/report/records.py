"""What grading stored about a class, put together with what the gradebook holds now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from coursekit import scores
from coursekit.grading import autograding, store
from coursekit.grading.grades import Grade
from coursekit.grading.layout import WORK
from coursekit.grading.results import Status
from coursekit.scores import Mark

NOT_JUDGED = "not graded by the judge: see formgrader, or grade again"
DAMAGED = "its stored grade is damaged, or of an older version: grade again"
STOPPED = {
    "time": "ran out of time",
    "memory": "ran out of memory",
    "output": "printed too much",
    "crash": "ended its process",
    "protocol": "sent malformed data",
}


@dataclass(frozen=True)
class Record:
    """One student's submission.

    Attributes:
        notes: what was mended or is wrong in the file that was handed in.
        marks: question -> what the gradebook holds, manual grading included; empty where the
            gradebook does not know the submission.
    """

    student: str
    grade: Grade
    status: Status = Status.GRADED
    notes: tuple[str, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)

    @property
    def points(self) -> dict[str, float | None]:
        """Question -> points; None where a person has yet to decide."""
        judged = {question.name: question.points for question in self.grade.questions}
        return judged | {name: mark.points for name, mark in self.marks.items()}

    @property
    def total(self) -> float:
        """Points so far."""
        return sum(points for points in self.points.values() if points is not None)

    @property
    def open(self) -> tuple[str, ...]:
        """Questions that wait for a person."""
        undecided = [name for name, points in self.points.items() if points is None]
        asked = [name for name, mark in self.marks.items() if mark.open]
        return tuple(dict.fromkeys(undecided + asked))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a person should look at it, in words; empty for an ordinary submission."""
        found = [*self.notes, *self.grade.all_notes]
        for question in self.grade.questions:
            if question.stopped_by and not question.note:
                why = STOPPED.get(question.stopped_by, question.stopped_by)
                found.append(f"{question.name} was stopped: it {why}")
        if not self.grade.sandboxed:
            found.append("graded without the sandbox")
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class ClassRecord:
    """One assignment of a class.

    Attributes:
        questions: graded cell -> the most it can earn, in the notebook's order.
        records: by student; those who handed nothing in are not among them.
        missing: how many students of the gradebook handed nothing in.
    """

    assignment: str
    questions: Mapping[str, float]
    records: tuple[Record, ...] = ()
    missing: int = 0

    @property
    def most(self) -> float:
        """All points of the assignment."""
        return sum(self.questions.values())


def read(course: str | Path, assignment: str) -> ClassRecord:
    """Read .grading/grades/<assignment>/ and the gradebook of a course.

    Where the gradebook knows the class, it says who belongs to it and which questions there are.
    Somebody of whom it alone knows was not graded by the judge: nbgrader's own autograde did, or
    the judge gave up.

    Raises:
        FileNotFoundError: nothing has been graded.
    """
    course = Path(course).resolve()
    stored = _stored(course, assignment)
    with autograding.open_gradebook(course) as gradebook:
        everyone = set(autograding.students_known(gradebook))
        marks = scores.marks(gradebook, assignment)
        questions = autograding.questions(gradebook, assignment) if marks else {}
    if not (stored or marks):
        raise FileNotFoundError(
            f"No {assignment} has been graded: neither {WORK}/ nor the gradebook of "
            f"{course} has grades of it. First: coursekit grade {assignment}"
        )
    names = sorted((stored.keys() & everyone if everyone else stored.keys()) | marks.keys())
    records = [_record(name, stored, marks, questions) for name in names]
    missing = len(everyone.difference(names))
    return gather(assignment, records, missing=missing, questions=questions)


def _record(
    student: str,
    stored: Mapping[str, store.Record | None],
    marks: Mapping[str, Mapping[str, Mark]],
    questions: Mapping[str, float],
) -> Record:
    known = stored.get(student)
    if known is None and not stored:  # nbgrader graded the class
        return Record(student, Grade(), marks=marks[student])
    if known is None:
        why = DAMAGED if student in stored else NOT_JUDGED
        return Record(student, Grade(), Status.ATTENTION, (why,), marks.get(student, {}))
    grade = known.grade
    if questions:  # others were in the assignment once
        grade = replace(grade, questions=tuple(q for q in grade.questions if q.name in questions))
    return Record(student, grade, known.status, known.notes, marks.get(student, {}))


def gather(
    assignment: str,
    records: Iterable[Record],
    *,
    missing: int = 0,
    questions: Mapping[str, float] | None = None,
) -> ClassRecord:
    """A class from its records; questions the gradebook does not know come from the grades."""
    records = tuple(records)
    known = dict(questions or {})
    for record in records:
        for question in record.grade.questions:
            known.setdefault(question.name, question.most)
    return ClassRecord(assignment, known, records, missing)


def _stored(course: Path, assignment: str) -> dict[str, store.Record | None]:
    """What grading stored; None where that makes no sense."""
    folder, shelf = course / WORK / "grades" / assignment, store.Store(course, assignment)
    return {path.stem: shelf.load(path.stem) for path in sorted(folder.glob("*.json"))}
